/**
 * An array with a write-back cache and many users, whose insides only tests see: what those who name culprits are judged by. Its disks have
 * one second of time each second; reads come first, what is left empties the cache. Written apart from the model and the simulated hosts.
 */
export interface SharedSpec {
  readonly cacheBytes: number
  /** What a write takes of the cache at least. */
  readonly lineBytes: number
  /** What the disks transfer of large pieces. */
  readonly streamBytesPerSecond: number
  /** What they need to get to another place: for a read, and for a small write with its parity. */
  readonly readSeconds: number
  readonly smallWriteSeconds: number
  readonly baseWriteMs: number
  readonly baseReadMs: number
}

/** What one user wants in a second. */
export interface Want {
  readonly writeBytes: number
  readonly writeSize: number
  readonly readBytes: number
  readonly readSize: number
  /** Reads and writes go from place to place. */
  readonly random: boolean
  /** Its reads are in the array's memory: they cost the disks nothing and wait for nobody. */
  readonly cached?: boolean
}

/** What one user got in a step. */
export interface Got {
  readonly writeBytes: number
  readonly writeRequests: number
  readonly readBytes: number
  readonly readRequests: number
  readonly writeMs: number
  readonly readMs: number
}

export interface SharedState {
  fillBytes: number
  /** How long the disks need for what is in the cache. */
  fillSeconds: number
}

export interface SharedStep {
  readonly got: readonly Got[]
  readonly isFull: boolean
}

const mostReadTime = 0.8

export function stepShared(spec: SharedSpec, state: SharedState, wants: readonly Want[], seconds: number): SharedStep {
  const readTime = wants.reduce((time, want) => time + readSecondsOf(spec, want), 0)
  const readShare = readTime > mostReadTime ? mostReadTime / readTime : 1
  const forReads = readTime * readShare
  const perFill = state.fillSeconds > 0 ? state.fillBytes / state.fillSeconds : 0
  const wanted = wants.reduce((bytes, want) => bytes + cacheBytesOf(spec, want), 0) * seconds
  const time = Math.min((1 - forReads) * seconds, state.fillSeconds)
  state.fillSeconds -= time
  state.fillBytes = Math.max(0, state.fillBytes - time * perFill)
  const room = Math.max(0, spec.cacheBytes - state.fillBytes)
  const share = wanted > room ? room / wanted : 1
  const isFull = share < 1
  const got = wants.map((want): Got => {
    state.fillBytes += cacheBytesOf(spec, want) * seconds * share
    state.fillSeconds += diskSecondsOf(spec, want) * seconds * share
    const writeBytes = want.writeBytes * seconds * share
    const readBytes = want.readBytes * seconds * (want.cached === true ? 1 : readShare)
    const queueMs = isFull ? Math.min(400, 12 / Math.max(0.03, share)) : 0
    const readWait =
      1 / (1 - Math.min(0.9, forReads)) + (time > 0.5 * seconds * (1 - forReads) ? 1 : 0) + (isFull ? 3 : 0)
    return {
      writeBytes,
      writeRequests: writeBytes / want.writeSize,
      readBytes,
      readRequests: readBytes / want.readSize,
      writeMs: spec.baseWriteMs + queueMs * (want.writeBytes > 2e6 ? 2 : 1),
      readMs: want.cached === true ? 0.1 * spec.baseReadMs : spec.baseReadMs * readWait,
    }
  })
  return { got, isFull }
}

function readSecondsOf({ readSeconds, streamBytesPerSecond }: SharedSpec, want: Want): number {
  if (want.cached === true) return 0
  const places = want.random ? (want.readBytes / want.readSize) * readSeconds : 0
  return places + want.readBytes / streamBytesPerSecond
}

function diskSecondsOf({ smallWriteSeconds, streamBytesPerSecond }: SharedSpec, want: Want): number {
  const places = want.random ? (want.writeBytes / want.writeSize) * smallWriteSeconds : 0
  return places + want.writeBytes / streamBytesPerSecond
}

function cacheBytesOf({ lineBytes }: SharedSpec, want: Want): number {
  return want.random ? (want.writeBytes / want.writeSize) * Math.max(lineBytes, want.writeSize) : want.writeBytes
}

/** Share of the disks' time that is wanted: above 1 the cache fills. */
export function loadOf(spec: SharedSpec, wants: readonly Want[]): number {
  return wants.reduce((time, want) => time + readSecondsOf(spec, want) + diskSecondsOf(spec, want), 0)
}
