// The broker of the benches: filled queues, and how long they take to drain or to fill, as seen by itself.
import { type RabbitMq, startRabbitMq } from "../../helpers/rabbitmq.ts";
import { type BrokerClient, brokerClient } from "../../helpers/amqp.ts";
import { waitFor } from "../../helpers/wait_for.ts";
import type { Messages } from "./messages.ts";
import { Publisher } from "./publisher.ts";

/** Between two looks at a queue, in milliseconds. */
const everyMs = 5;

/** The first and the last moment, in milliseconds since the Unix epoch with a fraction. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A broker that watches its queues. */
export class Broker implements AsyncDisposable {
  readonly #rabbit: RabbitMq;
  readonly #directory: string;
  readonly hand: BrokerClient;
  #watches = 0;

  private constructor(rabbit: RabbitMq, directory: string, hand: BrokerClient) {
    this.#rabbit = rabbit;
    this.#directory = directory;
    this.hand = hand;
  }

  static async start(): Promise<Broker> {
    const rabbit = await startRabbitMq({ config: ["log.console.level = warning"] });
    const directory = await Deno.makeTempDir({ prefix: "bench-watch-" });
    await rabbit.ctl("eval", watcher(directory));
    return new Broker(rabbit, directory, await brokerClient(rabbit.url));
  }

  get url(): string {
    return this.#rabbit.url;
  }

  get port(): number {
    return this.#rabbit.port;
  }

  /** An empty queue. */
  async queue(name: string): Promise<void> {
    await this.hand.queue(name);
  }

  /** Puts so many messages into a new queue; resolves when they are there. */
  async fill(queue: string, messages: Messages, count: number): Promise<void> {
    await this.queue(queue);
    await this.publish(queue, count, () => messages.next());
  }

  /** Publishes what `next` makes; resolves when it stands in the queue. */
  async publish(queue: string, count: number, next: (index: number) => string): Promise<void> {
    await using publisher = await Publisher.open(this.url, queue);
    for (let index = 0; index < count; index++) {
      const full = publisher.add(next(index));
      if (full !== undefined) await full;
    }
    await publisher.settled();
  }

  /** From when fewer than `count` messages wait for delivery until none does and none is unacknowledged. */
  drained(queue: string, count = 1_000_000_000): Promise<() => Promise<Span>> {
    return this.#watch(`{drain, <<"${queue}">>, ${count}}`);
  }

  /** From the first message in an empty queue until `count` are in it. */
  filled(queue: string, count: number): Promise<() => Promise<Span>> {
    return this.#watch(`{fill, <<"${queue}">>, ${count}}`);
  }

  /** Resolves when it watches, with the way to wait for what it saw. */
  async #watch(order: string): Promise<() => Promise<Span>> {
    const id = ++this.#watches;
    const file = (kind: string) => `${this.#directory}/${kind}`;
    await Deno.writeTextFile(file("order.new"), `${order}.\n`);
    await Deno.rename(file("order.new"), file("order"));
    await waitFor("the broker to watch", () => exists(file("watching")));
    await Deno.remove(file("watching"));
    return async () => {
      const text = await waitFor(
        `watch ${id}, ${order}`,
        () => Deno.readTextFile(file("seen")).catch(() => ""),
        { timeoutMs: 600_000 },
      );
      await Deno.remove(file("seen"));
      const [from, to] = text.split(" ").map((microseconds) => Number(microseconds) / 1000);
      return { from: from!, to: to! };
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hand[Symbol.asyncDispose]();
    await this.#rabbit[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/**
 * Erlang for a process in the broker that takes orders from a file and writes what it saw into another. It asks the
 * queue itself, as no client can: rabbitmqctl takes a second of a core for each look, and AMQP does not say how
 * many messages are unacknowledged.
 */
function watcher(directory: string): string {
  return `
    Now = fun() -> erlang:system_time(microsecond) end,
    Count = fun(Name) ->
      {ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, Name)),
      [{_, Ready}, {_, Unacknowledged}] = rabbit_amqqueue:info(Queue, [messages_ready, messages_unacknowledged]),
      {Ready, Unacknowledged}
    end,
    Until = fun Until(Done) -> case Done() of true -> Now(); false -> timer:sleep(${everyMs}), Until(Done) end end,
    Write = fun(File, Text) ->
      New = "${directory}/" ++ File ++ ".new",
      ok = file:write_file(New, Text),
      ok = file:rename(New, "${directory}/" ++ File)
    end,
    Watch = fun(Name, Begun, Done) ->
      Write("watching", <<"yes">>),
      From = Until(fun() -> Begun(Count(Name)) end),
      To = Until(fun() -> Done(Count(Name)) end),
      Write("seen", io_lib:format("~b ~b", [From, To]))
    end,
    Loop = fun Loop() ->
      case file:consult("${directory}/order") of
        {ok, [{Kind, Name, Most}]} ->
          ok = file:delete("${directory}/order"),
          case Kind of
            drain -> Watch(Name, fun({Ready, _}) -> Ready < Most end, fun(Counts) -> Counts =:= {0, 0} end);
            fill -> Watch(Name, fun({Ready, Un}) -> Ready + Un > 0 end, fun({Ready, Un}) -> Ready + Un >= Most end)
          end,
          Loop();
        _ -> timer:sleep(20), Loop()
      end
    end,
    spawn(Loop), ok.`;
}
