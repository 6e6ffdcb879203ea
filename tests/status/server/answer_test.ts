// Bodies that several clients get: made once in a moment, counted once while any of them has yet to take it.
import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { InFlight, json, Recent, text } from "../../../src/status/server/answer.ts";

const response = () => new ServerResponse(new IncomingMessage(new Socket()));

Deno.test("get() makes a response once within its time, one for each key", () => {
  let made = 0;
  const make = () => text(200, `${++made}`);
  const recent = new Recent(Infinity);
  const first = recent.get("a", make);
  assert.equal(recent.get("a", make), first);
  assert.notEqual(recent.get("b", make), first);
  assert.equal(made, 2);
  recent.clear();
  assert.notEqual(recent.get("a", make), first);
  const past = new Recent(0);
  assert.notEqual(past.get("a", make), past.get("a", make));
});

Deno.test("send() counts a body once, until the last client has read it", async () => {
  const inFlight = new InFlight();
  const shared = json(200, "shared");
  const ends = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const [first, second, third] = ends;
  inFlight.send(response(), shared, true, first!.promise);
  inFlight.send(response(), shared, true, second!.promise);
  assert.equal(inFlight.bytes, shared.body.length);
  inFlight.send(response(), text(200, "other"), true, third!.promise);
  assert.equal(inFlight.bytes, shared.body.length + 5);
  for (
    const [end, left] of [[first, shared.body.length + 5], [third, shared.body.length], [second, 0]] as const
  ) {
    end!.resolve();
    await end!.promise;
    assert.equal(inFlight.bytes, left);
  }
});

Deno.test("send() counts nothing for a response without a body", () => {
  const inFlight = new InFlight();
  inFlight.send(response(), text(200, "ok"), false, Promise.resolve());
  assert.equal(inFlight.bytes, 0);
});
