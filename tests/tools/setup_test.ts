// What the setup of the tests says where a server is missing and cannot be installed.
import assert from "node:assert/strict";
import { type Server, setUp } from "./setup.ts";

const missing: Server = {
  program: "nosuch-server",
  directories: ["/nosuch/bin"],
  apt: "nosuch",
  brew: "nosuch-brewed",
  units: [],
};

/** Does it with another PATH, on which there is no apt-get. */
async function withPath<T>(path: string, act: () => Promise<T>): Promise<T> {
  const before = Deno.env.get("PATH")!;
  Deno.env.set("PATH", path);
  try {
    return await act();
  } finally {
    Deno.env.set("PATH", before);
  }
}

Deno.test("setUp() says in one line what to install where it cannot install it", async () => {
  await withPath("/nosuch", async () => {
    assert.equal(
      await setUp([missing]),
      "nosuch missing: install it (`sudo apt-get install nosuch`, `brew install nosuch-brewed`, " +
        "elsewhere what puts nosuch-server on PATH)",
    );
    assert.equal(
      await setUp([missing, { ...missing, program: "other-server", apt: "other", brew: "other" }]),
      "nosuch other missing: install it (`sudo apt-get install nosuch other`, `brew install nosuch-brewed other`, " +
        "elsewhere what puts nosuch-server and other-server on PATH)",
    );
  });
});

Deno.test("setUp() has nothing to say where everything is there, on PATH or in a directory of its own", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/nosuch-server`, "");
    assert.equal(await setUp([{ ...missing, directories: [directory] }]), undefined);
    assert.equal(await withPath(`/nosuch:${directory}`, () => setUp([missing])), undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
