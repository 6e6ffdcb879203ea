// Writes what goes with a release: the licences of all that a binary holds, and the list of it (SBOM) in the format
// CycloneDX. `deno task licenses` makes both, in dist; the container's build does so too.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

const root = new URL("../../", import.meta.url);

/** A package of npm in the binary. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, as its package.json says. */
  readonly license: string;
  readonly homepage: string;
  /** Its licence files, by name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Base64, of what npm serves. */
  readonly sha512: string;
  /** Names of others, with their versions. */
  readonly dependencies: readonly string[];
}

interface Info {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<
    Record<string, {
      readonly name: string;
      readonly version: string;
      readonly dependencies: readonly string[];
      readonly localPath: string;
    }>
  >;
}

/** The packages that the program imports, and those that these need; by name. */
export async function packagesOf(main: string): Promise<Package[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", main], cwd: root })
    .output();
  const { modules, npmPackages }: Info = JSON.parse(new TextDecoder().decode(stdout));
  const lock = JSON.parse(Deno.readTextFileSync(new URL("deno.lock", root)));
  const needed = new Set(modules.flatMap(({ npmPackage }) => npmPackage ?? []));
  for (const key of needed) for (const other of npmPackages[key]!.dependencies) needed.add(other);
  return [...needed].sort().map((key) => {
    const { name, version, dependencies, localPath } = npmPackages[key]!;
    const { license, homepage, repository } = JSON.parse(
      Deno.readTextFileSync(`${localPath}/package.json`),
    );
    if (typeof license !== "string") throw new Error(`${key}: its package.json names no licence`);
    return {
      name,
      version,
      license,
      homepage: homepage ?? repository?.url ?? `https://www.npmjs.com/package/${name}`,
      texts: textsIn(localPath),
      sha512: lock.npm[key].integrity.replace(/^sha512-/, ""),
      dependencies: dependencies.map((other) => {
        const { name, version } = npmPackages[other]!;
        return `${name}@${version}`;
      }),
    };
  });
}

function textsIn(folder: string): Map<string, string> {
  const names = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) => name)
    .filter((name) => /^(licen[cs]e|copying|copyright|notice)/i.test(name)).sort();
  return new Map(names.map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`).trim()]));
}

const rule = "=".repeat(80);

/** The licences of what a binary holds: Deno and the packages. Texts that several have stand there once. */
export function licensesText(packages: readonly Package[]): string {
  const byText = new Map<string, Package[]>();
  for (const one of packages) {
    const text = [...one.texts.values()].join("\n\n") ||
      `It has no file with its licence; its package.json says: ${one.license}.`;
    byText.set(text, [...byText.get(text) ?? [], one]);
  }
  const sections = [...byText].map(([text, those]) => {
    const named = those.map(({ name, version, license, homepage }) =>
      `${name} ${version}, ${license}, ${homepage}`
    );
    return `${named.join("\n")}\n\n${text}`;
  });
  return [
    "What a binary of nomad-crashloop-detector holds beside its own code, whose licence is in LICENSE.",
    ...runtimes.map(({ name, version, license, homepage, text }) =>
      `${name}${version === "" ? "" : ` ${version}`}, ${license}, ${homepage}\n\n${text}`
    ),
    ...sections,
  ].join(`\n\n${rule}\n\n`) + "\n";
}

/** The list of what a binary holds, as CycloneDX 1.6. The same packages make the same text. */
export function sbom(packages: readonly Package[]): string {
  const { name, version } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));
  const own = `${name}@${version}`;
  const [deno] = runtimes;
  const runtime = `pkg:github/denoland/deno@v${deno.version}`;
  const described = {
    metadata: {
      component: {
        type: "application",
        "bom-ref": own,
        name,
        version,
        licenses: [{ expression: "BSD-3-Clause" }],
      },
    },
    components: [
      {
        type: "platform",
        "bom-ref": runtime,
        name: "deno",
        version: deno.version,
        licenses: [{ expression: deno.license }],
        purl: runtime,
      },
      ...packages.map((one) => ({
        type: "library",
        "bom-ref": purlOf(`${one.name}@${one.version}`),
        name: one.name,
        version: one.version,
        hashes: [{ alg: "SHA-512", content: Buffer.from(one.sha512, "base64").toString("hex") }],
        licenses: [{ expression: one.license }],
        purl: purlOf(`${one.name}@${one.version}`),
      })),
    ],
    dependencies: [
      { ref: own, dependsOn: [runtime, ...packages.map((one) => purlOf(`${one.name}@${one.version}`))] },
      ...packages.map((one) => ({
        ref: purlOf(`${one.name}@${one.version}`),
        dependsOn: one.dependencies.map(purlOf),
      })),
    ],
  };
  const digest = createHash("sha256").update(JSON.stringify(described)).digest("hex");
  const uuid = digest.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const head = { bomFormat: "CycloneDX", specVersion: "1.6", serialNumber: `urn:uuid:${uuid}`, version: 1 };
  return JSON.stringify({ ...head, ...described }, null, 2) + "\n";
}

/** https://github.com/package-url/purl-spec: the @ of a scope is percent-encoded. */
function purlOf(nameAndVersion: string): string {
  return `pkg:npm/${nameAndVersion.replace(/^@/, "%40")}`;
}

/** What `deno compile` puts the program into. */
const runtimes = [
  {
    name: "Deno",
    version: Deno.version.deno,
    license: "MIT",
    homepage: "https://github.com/denoland/deno",
    text: `Copyright 2018-2026 the Deno authors

Permission is hereby granted, free of charge, to any person obtaining a copy of
this software and associated documentation files (the "Software"), to deal in
the Software without restriction, including without limitation the rights to
use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of
the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

The Rust crates that Deno is made of, and their versions, are in its Cargo.lock:
https://github.com/denoland/deno/blob/v${Deno.version.deno}/Cargo.lock`,
  },
  {
    name: "V8",
    version: Deno.version.v8,
    license: "BSD-3-Clause",
    homepage: "https://v8.dev",
    text: `Copyright 2014, the V8 project authors. All rights reserved.
Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are
met:

    * Redistributions of source code must retain the above copyright
      notice, this list of conditions and the following disclaimer.
    * Redistributions in binary form must reproduce the above
      copyright notice, this list of conditions and the following
      disclaimer in the documentation and/or other materials provided
      with the distribution.
    * Neither the name of Google Inc. nor the names of its
      contributors may be used to endorse or promote products derived
      from this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS
"AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT
LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR
A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT
OWNER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT
LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE,
DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY
THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT
(INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`,
  },
] as const;

if (import.meta.main) {
  const packages = await packagesOf("src/main.ts");
  Deno.mkdirSync(new URL("dist", root), { recursive: true });
  Deno.writeTextFileSync(new URL("dist/THIRD-PARTY-LICENSES.txt", root), licensesText(packages));
  Deno.writeTextFileSync(new URL("dist/sbom.cdx.json", root), sbom(packages));
}
