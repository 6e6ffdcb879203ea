// Explains errors of the AWS SDK: what was found, and what to do.
import { asFault, Fault } from "../../lib/errors.ts";
import { explainRequest } from "../http/errors.ts";

/** What the SDK adds to the error of an answer that it cannot read. */
interface Answered {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** A service of AWS, for people. */
export interface Service {
  /** `Kinesis` */
  readonly name: string;
  /** The variable of its endpoint: `AWS_ENDPOINT_URL_KINESIS`. */
  readonly endpoint: string;
}

/** The name of an error of the SDK, as AWS documents it: `ResourceNotFoundException`. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

/** Its message without what is for who writes programs. */
export function messageOf(error: unknown): string {
  return asFault(error).message.split("\n", 1)[0] || (error as { code?: string }).code || "no answer";
}

/** An error that is not of one alert or one resource. `where`: what was spoken to, `stream "crash-loops"`. */
export function explainAws(error: unknown, where: string, { name: service, endpoint }: Service): Fault {
  if (error instanceof Fault) return error;
  const [name, message] = [nameOf(error), messageOf(error)];
  if (/region is missing|region=""/i.test(message)) {
    return new Fault("no AWS region; set AWS_REGION", "config");
  }
  if (/region not accepted/i.test(message)) {
    return new Fault(`the AWS region is none: ${message} Set AWS_REGION`, "config");
  }
  // The message repeats what was found, in which a password may stand.
  if (/invalid url/i.test(message)) {
    return new Fault(`the AWS endpoint is not a URL; set ${endpoint}`, "config");
  }
  if (name === "CredentialsProviderError") {
    return new Fault(
      `no AWS credentials: ${message}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile`,
      "operator",
    );
  }
  const { $response: answer } = error as { $response?: Answered };
  if (name === "SyntaxError" && answer !== undefined) {
    const type = answer.headers["content-type"];
    return new Fault(
      `${where}: an answer ${answer.statusCode} of type ${type} is not from ${service}; check ${endpoint} and any proxies`,
    );
  }
  if (name === "TypeError") return explainRequest(error as Error, where);
  return new Fault(`${where}: ${/^(|Error|AggregateError)$/.test(name) ? "" : `${name}: `}${message}`);
}
