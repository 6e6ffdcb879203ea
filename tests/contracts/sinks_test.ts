// The contract of sinks, over all of them.
import { sinkContract } from "./sink.ts";
import { sinkCases, startServers } from "./sink_cases.ts";

let servers: AsyncDisposable;
Deno.test.beforeAll(async () => {
  servers = await startServers();
});
Deno.test.afterAll(async () => await servers[Symbol.asyncDispose]());

for (const [type, setUp] of sinkCases) sinkContract(type, setUp);
