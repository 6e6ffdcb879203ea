// The files of the page, read once when the server starts.

const folder = new URL("./page/", import.meta.url);

/** Content types by file extension; other files are not served. */
const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  txt: "text/plain; charset=utf-8",
};

/** A file and its content type. */
export interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

/** All files, by name. */
export async function readPages(): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for await (const { name, isFile } of Deno.readDir(folder)) {
    const type = types[name.replace(/^.*\./, "")];
    if (isFile && type !== undefined) {
      files.set(name, { bytes: await Deno.readFile(new URL(name, folder)), type });
    }
  }
  return files;
}
