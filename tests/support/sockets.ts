/** Connections below HTTP. */

/** A connection that says what it is told to. */
export class RawConnection implements AsyncDisposable {
  readonly #connection: Deno.Conn;
  #buffered = "";

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects to `host:port`. */
  static async open(address: string): Promise<RawConnection> {
    const at = address.lastIndexOf(":");
    const hostname = address.slice(0, at) || "127.0.0.1";
    return new RawConnection(await Deno.connect({ hostname, port: Number(address.slice(at + 1)) }));
  }

  async send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  /** Sends pieces until they are all sent, or the other end has had enough. */
  async trickle(pieces: Iterable<string>, pause: () => Promise<void>): Promise<void> {
    try {
      for (const piece of pieces) {
        await this.send(piece);
        await pause();
      }
    } catch {
      // Closed by the other end.
    }
  }

  /** Reads up to the end of the header of a response, and the body that it announces. */
  async response(): Promise<{ readonly status: number; readonly header: string; readonly body: string }> {
    while (!this.#buffered.includes("\r\n\r\n")) {
      if (!await this.#more()) throw new Error(`The connection ended: '${this.#buffered}'`);
    }
    const end = this.#buffered.indexOf("\r\n\r\n");
    const header = this.#buffered.slice(0, end);
    const size = Number(/^content-length: (\d+)/im.exec(header)?.[1] ?? 0);
    while (this.#buffered.length < end + 4 + size && await this.#more());
    const body = this.#buffered.slice(end + 4, end + 4 + size);
    this.#buffered = this.#buffered.slice(end + 4 + size);
    return { status: Number(header.split(" ")[1]), header, body };
  }

  /** Reads until the other end closes the connection. @returns What it said. */
  async rest(): Promise<string> {
    while (await this.#more());
    return this.#buffered;
  }

  [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#connection.close();
    } catch {
      // Closed already.
    }
    return Promise.resolve();
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    try {
      const size = await this.#connection.read(buffer);
      if (size === null) return false;
      this.#buffered += new TextDecoder("latin1").decode(buffer.subarray(0, size));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) {
        return false;
      }
      throw error;
    }
  }
}
