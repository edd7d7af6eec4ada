// Certificates for tests, made by openssl: an authority signs those of servers and clients, as files and as texts.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Both in one file, as `ssl.keyStore.location` takes it. */
  readonly bothFile: string;
  readonly authorityFile: string;
  readonly texts: { readonly cert: string; readonly key: string; readonly ca: string };
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const directory = mkdtempSync(join(tmpdir(), "cabildo-certificates-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
let authorities = 0;

export class Authority {
  readonly file: string;
  readonly #directory: string;
  #issued = 0;

  constructor() {
    this.#directory = directory;
    const name = `authority-${++authorities}`;
    this.file = join(directory, `${name}.pem`);
    this.#openssl("req", "-x509", ...newKey, "-keyout", `${name}.key`, "-out", this.file, "-subj", `/CN=${name}`);
  }

  /** `names` as openssl takes them: `IP:127.0.0.1`, `DNS:localhost`. `subject` in openssl's form: `/O=Example/CN=bob`. */
  issue({ names = "IP:127.0.0.1", subject = "/CN=member" } = {}): Certificate {
    const base = this.file.replace(/\.pem$/, `-${++this.#issued}`);
    writeFileSync(`${base}.ext`, `subjectAltName=${names}\n`);
    this.#openssl("req", ...newKey, "-keyout", `${base}.key`, "-out", `${base}.csr`, "-subj", subject);
    const signed = ["-CA", this.file, "-CAkey", this.file.replace(/\.pem$/, ".key"), "-CAcreateserial"];
    const out = ["-out", `${base}.pem`, "-days", "9", "-extfile", `${base}.ext`];
    this.#openssl("x509", "-req", "-in", `${base}.csr`, ...signed, ...out);
    const texts = { cert: read(`${base}.pem`), key: read(`${base}.key`), ca: read(this.file) };
    writeFileSync(`${base}-both.pem`, texts.key + texts.cert);
    return {
      certificateFile: `${base}.pem`,
      keyFile: `${base}.key`,
      bothFile: `${base}-both.pem`,
      authorityFile: this.file,
      texts,
    };
  }

  #openssl(...words: string[]): void {
    execFileSync("openssl", words, { cwd: this.#directory, stdio: "pipe" });
  }
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}
