// Compiles src/detection/decode/prefilter/prefilter.as, which is AssemblyScript, into the text that the program makes a WebAssembly module of.
import asc from "assemblyscript/asc";

const source = new URL("../../src/detection/decode/prefilter/prefilter.as", import.meta.url);
const target = new URL("../../src/detection/decode/prefilter/wasm.ts", import.meta.url);

/** The content that src/detection/decode/prefilter/wasm.ts is to have. @throws {Error} with the compiler's words. */
export async function prefilterCode(): Promise<string> {
  const text = await Deno.readTextFile(source);
  let code: Uint8Array = new Uint8Array();
  const options = ["--optimizeLevel", "3", "--runtime", "stub", "--enable", "simd", "--noAssert"];
  const { error, stderr } = await asc.main(["prefilter.ts", "--outFile", "prefilter.wasm", ...options], {
    readFile: (name) => name === "prefilter.ts" ? text : null,
    writeFile: (_, written) => void (code = written as Uint8Array),
    listFiles: () => [],
  });
  if (error !== null) throw new Error(stderr.toString());
  const lines = code.toBase64().match(/.{1,100}/g)!;
  return [
    "// WebAssembly, made of prefilter.as by `deno task prefilter`.",
    "",
    "/** In base 64. */",
    "export const code: string = [",
    ...lines.map((line) => `  "${line}",`),
    '].join("");',
    "",
  ].join("\n");
}

if (import.meta.main) await Deno.writeTextFile(target, await prefilterCode());
