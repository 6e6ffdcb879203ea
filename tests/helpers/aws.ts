// The environment of the AWS SDK in tests.

/** The environment with which the AWS SDK talks to that server, or to a proxy before it. */
export function awsEnv(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: "eu-north-1",
    AWS_ACCESS_KEY_ID: "AKIATEST",
    AWS_SECRET_ACCESS_KEY: "hunter2",
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

/** Sets the variables of AWS in this process, and no others of them, until it is disposed. */
export function setAwsEnv(env: Record<string, string | undefined>): Disposable {
  const before = Object.entries(Deno.env.toObject()).filter(([name]) => name.startsWith("AWS_"));
  const clear = () => {
    for (const name of Object.keys(Deno.env.toObject())) if (name.startsWith("AWS_")) Deno.env.delete(name);
  };
  clear();
  for (const [name, value] of Object.entries(env)) if (value !== undefined) Deno.env.set(name, value);
  return {
    [Symbol.dispose]() {
      clear();
      for (const [name, value] of before) Deno.env.set(name, value);
    },
  };
}
