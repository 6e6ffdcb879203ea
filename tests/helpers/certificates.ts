// Certificate authorities of a test's own, and what they sign, as PEM files. Made with openssl.
import { findServer } from "../tools/setup.ts";

/** The files of a certificate and of its private key. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. */
export interface Subject {
  /** Common name; with `hosts` that of a server, without that of a client. */
  readonly name: string;
  /** What the server is reached by, as openssl writes it: `DNS:localhost`, `IP:127.0.0.1`. */
  readonly hosts?: readonly string[];
  /** Whether its time is over. */
  readonly expired?: boolean;
}

/** A certificate authority in a folder of its own. */
export class Authority {
  /** The file of its own certificate. */
  readonly cert: string;
  readonly #directory: string;
  #made = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.cert = `${directory}/authority.pem`;
  }

  /** Makes one in a new folder inside `directory`. */
  static async create(directory: string, name: string): Promise<Authority> {
    const authority = new Authority(await Deno.makeTempDir({ dir: directory }));
    await authority.#write("openssl.cnf", configuration);
    await authority.#write("index.txt", "");
    await authority.#openssl("req", "-x509", ...request(name, "authority"), "-extensions", "authority");
    return authority;
  }

  /** Makes a key and signs a certificate for it. */
  async sign({ name, hosts = [], expired = false }: Subject): Promise<Certificate> {
    const file = `signed-${++this.#made}`;
    const dates = expired ? ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] : [];
    await this.#write(`${file}.ext`, hosts.length > 0 ? `subjectAltName=${hosts}\n` : "");
    await this.#openssl("req", "-new", ...request(name, file), "-out", `${file}.csr`);
    await this.#openssl(
      ...["ca", "-batch", "-notext", "-config", "openssl.cnf", "-name", "authority_database", ...dates],
      ...["-in", `${file}.csr`, "-out", `${file}.pem`, "-extfile", `${file}.ext`],
    );
    return { cert: `${this.#directory}/${file}.pem`, key: `${this.#directory}/${file}.key` };
  }

  #write(name: string, text: string): Promise<void> {
    return Deno.writeTextFile(`${this.#directory}/${name}`, text);
  }

  async #openssl(...args: string[]): Promise<void> {
    const { success, stderr } = await new Deno.Command(findServer("openssl"), {
      args,
      cwd: this.#directory,
      stdin: "null",
      stdout: "null",
    }).output();
    if (!success) throw new Error(`openssl ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  }
}

function request(name: string, file: string): string[] {
  const key = ["-newkey", "rsa:2048", "-nodes", "-keyout", `${file}.key`];
  return ["-config", "openssl.cnf", "-subj", `/CN=${name}`, ...key, "-out", `${file}.pem`];
}

const configuration = `
[req]
distinguished_name = names
[names]
[authority]
basicConstraints = critical, CA:TRUE
[authority_database]
database = index.txt
rand_serial = yes
new_certs_dir = .
private_key = authority.key
certificate = authority.pem
default_md = sha256
default_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
`;
