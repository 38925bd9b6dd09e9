/** A line of `virsh event --all --loop --timestamp` that tells of a VM's life. */
export interface VirshEvent {
  /** By the clock of the machine where virsh runs. */
  readonly atMs: number
  readonly vmName: string
  /** `Suspended Paused`, for example. */
  readonly what: string
}

export function parseVirshEvents(text: string): VirshEvent[] {
  const line = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})\+0000: event 'lifecycle' for domain '?(\S+?)'?: (.+)$/gm
  return [...text.matchAll(line)].map(([, day, time, vmName = '', what = '']) => ({
    atMs: Date.parse(`${day}T${time}Z`),
    vmName,
    what,
  }))
}
