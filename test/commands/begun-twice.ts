/** An entry of an agent's audit log, as far as it tells of a command. */
export interface CommandEntry {
  readonly event: string
  readonly id?: string | undefined
}

/**
 * Commands that have begun a second time, by what stands in an agent's audit log, oldest first. An agent says there that it begins before it writes the
 * command down as begun: killed between the two it has done nothing, and what is then sent again says once more that it begins. So a second begin is a fault
 * only after an end of the command, and a third one always, where an agent is killed once for a command at most. That nothing is done twice, libvirtd's own
 * events show.
 */
export function begunTwice(entries: readonly CommandEntry[]): readonly string[] {
  const begins = new Map<string, number>()
  const ended = new Set<string>()
  const twice = new Set<string>()
  for (const { event, id } of entries) {
    if (id === undefined) continue
    if (event === 'begin') {
      const count = (begins.get(id) ?? 0) + 1
      begins.set(id, count)
      if (ended.has(id) || count > 2) twice.add(id)
    } else if (event !== 'cancel') ended.add(id)
  }
  return [...twice]
}
