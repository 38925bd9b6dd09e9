/** What only an agent on the machine itself can look into, so that one beside it has its own reason not to. */
const onMachineAlone: ReadonlySet<string> = new Set(['canary', 'host-processes', 'storage-exports', 'storage-health'])

/** Those that a machine has whether it is read by an agent on it or by one beside it. */
export function seenFromAfar<Named extends { readonly name: string }>(capabilities: readonly Named[]): Named[] {
  return capabilities.filter(({ name }) => !onMachineAlone.has(name))
}
