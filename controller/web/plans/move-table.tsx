import { formatDuration } from '../../../common/units.js'
import type { KeptPlanView, PlannedMoveView } from '../../api/plan-views.js'
import { Link } from '../routing/link.js'
import { commandPath, hostPath, vmPath } from '../routing/routes.js'
import { spanWords, wayWords } from './plan-words.js'

type Kept = KeptPlanView['moves'][number]

/** The moves of a plan in their order, with their reasons; of one that is kept with how far each is. */
export function MoveTable({ moves }: { readonly moves: readonly (PlannedMoveView | Kept)[] }) {
  return (
    <ol class="plan-moves">
      {moves.map((move) => (
        <li key={`${move.vmUuid} ${move.toHostId}`}>
          <p>
            <Link href={vmPath(move.vmUuid)}>{move.vm}</Link> from <Link href={hostPath(move.from)}>{move.from}</Link>{' '}
            to <Link href={hostPath(move.to)}>{move.to}</Link> <span class="muted">{wayWords(move)}</span>
            {'state' in move && <State move={move} />}
          </p>
          <p>{move.reason}</p>
          <p class="muted">
            takes {spanWords(move.times.duration)}, down for {spanWords(move.times.downtime)};{' '}
            {'none' in move.runnerUp
              ? `nowhere else: ${move.runnerUp.none}`
              : `${move.runnerUp.host} would be next best`}
          </p>
          {move.note !== '' && <p class="plan-note">By hand: {move.note}.</p>}
        </li>
      ))}
    </ol>
  )
}

const stateWords: Readonly<Record<Kept['state'], string>> = {
  waiting: 'waits',
  moving: 'moves now',
  'by-person': 'waits for a person',
  done: 'done',
}

function State({ move: { state, observed, commandNumber } }: { readonly move: Kept }) {
  return (
    <>
      {' '}
      <span class={state === 'done' ? 'tag' : 'tag tag-simulated'}>
        {stateWords[state]}
        {observed !== undefined && ` in ${formatDuration(observed.durationMs)}`}
        {observed?.hit === false && ', not as foretold'}
      </span>
      {commandNumber !== undefined && (
        <>
          {' '}
          <Link href={commandPath(commandNumber)}>#{commandNumber}</Link>
        </>
      )}
    </>
  )
}
