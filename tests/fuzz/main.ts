// `deno task test:fuzz`: as many mutated messages as wanted through the decoder and through the program.
import { parseArgs } from "node:util";
import { anySeed } from "../helpers/random.ts";
import { startRabbitMq } from "../helpers/rabbitmq.ts";
import { fuzzDecoder } from "./decoder.ts";
import { fuzzProgram } from "./program.ts";

const { values } = parseArgs({
  options: {
    decoder: { type: "string", default: "1000000" },
    program: { type: "string", default: "50000" },
    seed: { type: "string", default: String(anySeed()) },
  },
});
const [decoder, program, seed] = [Number(values.decoder), Number(values.program), Number(values.seed)];

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

say(`deno task test:fuzz --seed ${seed} --decoder ${decoder} --program ${program}`);
let started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
say(`decoder: ${JSON.stringify(fuzzDecoder(seed, decoder))} in ${seconds()} s`);
started = performance.now();
await using broker = await startRabbitMq();
say(`program: ${JSON.stringify(await fuzzProgram(broker, seed, program))} in ${seconds()} s`);
