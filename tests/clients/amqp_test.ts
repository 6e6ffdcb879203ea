// The URL of a broker: what is refused of it before anybody is asked.
import assert from "node:assert/strict";
import { amqpUrl } from "../../src/clients/amqp.ts";

const setting = amqpUrl("AMQP_CONNECTION", "URL of the RabbitMQ");

Deno.test("amqpUrl() takes a heartbeat in seconds", () => {
  for (const heartbeat of ["0", "2", "65535"]) {
    const url = setting.parse(`amqp://rabbit/?heartbeat=${heartbeat}`);
    assert.equal(url.searchParams.get("heartbeat"), heartbeat);
  }
});

Deno.test("amqpUrl() refuses a heartbeat that is no number of seconds, without showing it", () => {
  for (const heartbeat of ["", "-1", "1.5", "5s", "65536", "hunter2"]) {
    assert.throws(() => setting.parse(`amqp://rabbit/?heartbeat=${heartbeat}`), {
      message: "whose heartbeat is not a whole number of seconds from 0 to 65535",
    });
  }
});
