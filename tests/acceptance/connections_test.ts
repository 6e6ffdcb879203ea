// The real program under 256 descriptors, with 2,000 clients that ask nothing or half a question: it goes on.
import assert from "node:assert/strict";
import { brokerClient } from "../helpers/amqp.ts";
import { Program } from "../helpers/program.ts";
import { restartsBroker, startRabbitMq } from "../helpers/rabbitmq.ts";
import { restarts } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

const queue = "nomad.crash-loop-in";
const bytes = new TextEncoder();

/** Connections of which every other one sends half a head. Disposing them closes them. */
class Crowd implements Disposable {
  readonly connections: Deno.TcpConn[] = [];

  async grow(url: URL, count: number): Promise<void> {
    const hostname = url.hostname;
    for (let index = 0; index < count; index++) {
      const connection = await Deno.connect({ hostname, port: Number(url.port) });
      this.connections.push(connection);
      // The program may have closed it already.
      if (index % 2 === 0) await connection.write(bytes.encode("GET /livez HTTP/1.1\r\nHos")).catch(() => {});
    }
  }

  [Symbol.dispose](): void {
    for (const connection of this.connections) connection.close();
  }
}

/** Whether the program is answered in time. */
async function answers(url: URL): Promise<boolean> {
  try {
    const answer = await fetch(new URL("/livez", url), { signal: AbortSignal.timeout(2_000) });
    return await answer.text() === "ok\n";
  } catch {
    return false;
  }
}

Deno.test(
  "2,000 idle connections stop neither detection nor a reconnect",
  restartsBroker,
  async () => {
    await using broker = await startRabbitMq();
    const own = await brokerClient(broker.url);
    await own.queue(queue, { durable: true });
    await using program = new Program({
      env: {
        LISTEN: "127.0.0.1:0",
        AMQP_CONNECTION: broker.url,
        AMQP_QUEUE: queue,
        RESTART_COUNT: "2",
      },
      through: ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"],
    });
    await program.logged("Status at ");
    const url = new URL(/Status at (\S+)\n/.exec(program.stderr)![1]!);
    await program.logged("source amqp: consumes");
    {
      using crowd = new Crowd();
      await crowd.grow(url, 2_000);
      await own.put(queue, restarts(2, { name: "while.crowded[0]" }));
      await program.logged("while.crowded[0]: crash loop");
      const descriptors = [...Deno.readDirSync(`/proc/${program.pid}/fd`)].length;
      assert.ok(descriptors < 200, `${descriptors} descriptors`);
      await waitFor("an answer among them", () => answers(url), { timeoutMs: 20_000 });

      await own[Symbol.asyncDispose]();
      await broker.kill();
      await program.logged("retrying");
      await broker.start();
      await using again = await brokerClient(broker.url);
      await program.logged("source amqp: recovered after", 60_000);
      await again.put(queue, restarts(2, { name: "after.reconnect[0]" }));
      await program.logged("after.reconnect[0]: crash loop");
    }
    await waitFor("an answer when they are gone", () => answers(url));
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  },
);
