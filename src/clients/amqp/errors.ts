// Explains errors of amqplib: where they happened, what the broker said, and what to do.
import { Fault } from "../../lib/errors.ts";
import { printable } from "../../lib/settings/redact.ts";

/** Explains an error of amqplib. */
export function explain(error: unknown, url: URL): Fault {
  if (error instanceof Fault) return error;
  const where = printable(url);
  const said = error instanceof Error
    ? error.message || (error as { code?: string }).code || error.name
    : String(error);
  if (
    /ACCESS[_-]REFUSED.*(login|authentication|credentials)|403 \(ACCESS-REFUSED\)/i.test(said) &&
    /andshake/.test(said)
  ) {
    return new Fault(`${where} refused user and password; correct them in the URL`, "config");
  }
  // amqplib does not pass on what the broker says here; only the virtual host is decided at this point.
  if (/Expected ConnectionOpenOk/.test(said)) {
    return new Fault(
      `${where} refused the virtual host: it does not exist, or the user may not use it; set another one in the URL`,
      "config",
    );
  }
  if (/exceeds maxFrameSize/.test(said)) {
    return new Fault(`${where} does not speak AMQP; set another port in the URL`);
  }
  if (/closed abruptly during opening handshake/.test(said)) {
    return new Fault(
      `${where} closes connections at once; it may be starting, or expect TLS, which is amqps://`,
    );
  }
  const [, what, words] = /^(Channel|Connection) closed.* with message "(.*)"$/s.exec(said) ?? [];
  if (what !== undefined) return new Fault(`${where} closed the ${what.toLowerCase()}: ${words}`);
  return new Fault(`${where}: ${said}`);
}
