import { lookOf } from '../vms/vm-state.js'

export function StateChip({ state }: { readonly state: string }) {
  const look = lookOf(state)
  return (
    <span class={`state state-${look.tone}`}>
      <span aria-hidden="true">{look.sign}</span> {look.word}
    </span>
  )
}
