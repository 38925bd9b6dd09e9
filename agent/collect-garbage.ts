const everyMs = 20_000

/**
 * Collects garbage three times a minute, if Node was started with `--expose-gc` (see run.sh). Left to itself, V8 lets a heap
 * of 9 MB grow by as much again before it looks; a collection takes some 20 ms. Returns what ends it.
 */
export function collectGarbage(): () => void {
  const { gc } = globalThis
  if (gc === undefined) return () => undefined
  const timer = setInterval(() => {
    gc()
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
