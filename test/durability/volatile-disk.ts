/** The smallest piece that a power cut leaves whole. */
export const sectorBytes = 512
const pageBytes = 4096

/** Content of a disk: pages that are not all zero, by number. */
export type DiskContent = ReadonlyMap<number, Buffer>

interface CachedWrite {
  readonly offset: number
  readonly data: Buffer
}

/**
 * A disk in memory with a write cache that a power cut takes: what was written since the last flush survives sector by
 * sector or not, as chance has it. Every call ends at once, so that a cut falls between two requests.
 */
export class VolatileDisk {
  /** What a reader sees. */
  readonly #present: Map<number, Buffer>
  /** What is on the platter. */
  readonly #durable: Map<number, Buffer>
  #cached: CachedWrite[] = []
  #flushes = 0

  constructor(
    readonly sizeBytes: number,
    content: DiskContent = new Map(),
  ) {
    this.#durable = copyOf(content)
    this.#present = copyOf(content)
  }

  /** Flushes since it was made. */
  get flushes(): number {
    return this.#flushes
  }

  read(offset: number, length: number): Buffer {
    const result = Buffer.alloc(length)
    for (const { page, from, to, at } of pieces(offset, length)) {
      this.#present.get(page)?.copy(result, at, from, to)
    }
    return result
  }

  /** Keeps the buffer: it must not be changed afterwards. */
  write(offset: number, data: Buffer): void {
    put(this.#present, offset, data)
    this.#cached.push({ offset, data })
  }

  flush(): void {
    for (const { offset, data } of this.#cached) put(this.#durable, offset, data)
    this.#cached = []
    this.#flushes += 1
  }

  /**
   * What a power cut at this moment leaves.
   * @param survives whether a sector of the cache reached the platter; asked once for each sector of each write, oldest first
   */
  cut(survives: () => boolean): DiskContent {
    const left = copyOf(this.#durable)
    for (const { offset, data } of this.#cached) {
      for (let at = 0; at < data.length; at += sectorBytes) {
        if (survives()) put(left, offset + at, data.subarray(at, at + sectorBytes))
      }
    }
    return left
  }
}

/** The content of an image file: pages of zeros are left out. */
export function contentOf(image: Buffer): DiskContent {
  const zeros = Buffer.alloc(pageBytes)
  const content = new Map<number, Buffer>()
  for (let page = 0; page * pageBytes < image.length; page += 1) {
    const data = image.subarray(page * pageBytes, (page + 1) * pageBytes)
    if (!data.equals(zeros.subarray(0, data.length))) content.set(page, padded(data))
  }
  return content
}

function put(pages: Map<number, Buffer>, offset: number, data: Buffer): void {
  for (const { page, from, to, at } of pieces(offset, data.length)) {
    let target = pages.get(page)
    if (target === undefined) pages.set(page, (target = Buffer.alloc(pageBytes)))
    data.copy(target, from, at, at + to - from)
  }
}

/** The pages that a range touches: bytes `from` to `to` of the page are those from `at` on of the range. */
function* pieces(
  offset: number,
  length: number,
): Generator<{ readonly page: number; readonly from: number; readonly to: number; readonly at: number }> {
  for (let at = 0; at < length;) {
    const page = Math.floor((offset + at) / pageBytes)
    const from = (offset + at) % pageBytes
    const to = Math.min(pageBytes, from + length - at)
    yield { page, from, to, at }
    at += to - from
  }
}

function copyOf(pages: DiskContent): Map<number, Buffer> {
  return new Map([...pages].map(([page, data]) => [page, Buffer.from(data)]))
}

function padded(data: Buffer): Buffer {
  const page = Buffer.alloc(pageBytes)
  data.copy(page)
  return page
}
