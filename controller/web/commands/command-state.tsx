import type { CommandView } from '../../api/views.js'
import { commandLooks, doneShare } from './command-words.js'

/** State of a command, in sign, word and colour. */
export function CommandStateChip({ state }: Pick<CommandView, 'state'>) {
  const { sign, word, tone } = commandLooks[state]
  return (
    <span class={`state state-${tone}`}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  )
}

/** How far it is, where that is known. */
export function CommandProgress({ command }: { readonly command: CommandView }) {
  const share = doneShare(command)
  if (share === undefined) return null
  return (
    <label class="progress">
      <progress max={1} value={share} /> {Math.floor(share * 100)} %
    </label>
  )
}
