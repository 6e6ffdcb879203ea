// Answers of receivers in words, without what is secret of their addresses.
import assert from "node:assert/strict";
import { explainAnswer, secretsOf } from "../../../src/clients/http/errors.ts";

const url = new URL("https://hooks.example.com/services/T00000000/B00000000/s3cr3t%2FXXXX?sig=9f8e7d6c5b4a");

Deno.test("explainAnswer() leaves out what is secret of an address, in whatever form the receiver repeats it", () => {
  const repeats = [
    "Cannot POST /services/T00000000/B00000000/s3cr3t%2FXXXX?sig=9f8e7d6c5b4a",
    "no route services/T00000000/B00000000/s3cr3t/XXXX",
    "signature 9f8e7d6c5b4a is wrong",
  ];
  const said = repeats.map((text) =>
    explainAnswer({ status: 404, header: () => undefined, text }, "https://hooks.example.com", secretsOf(url))
      .message
  );
  assert.deepEqual(said, [
    "https://hooks.example.com answered 404: Cannot POST ***",
    "https://hooks.example.com answered 404: no route services/***/***/***",
    "https://hooks.example.com answered 404: signature *** is wrong",
  ]);
});

Deno.test("explainAnswer() says a long answer in one line of 200 characters", () => {
  const text = `<html>\n  ${"x".repeat(1000)}`;
  const { message } = explainAnswer({ status: 500, header: () => undefined, text }, "there");
  assert.equal(message, `there answered 500: <html> ${"x".repeat(192)}…`);
});
