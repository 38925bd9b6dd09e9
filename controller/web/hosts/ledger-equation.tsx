import type { ComponentChildren } from 'preact'
import type { LedgerView } from '../../api/views.js'
import { roomNote } from '../fleet/room-words.js'
import { absent, formatSetMemory } from '../format/figures.js'
import { Age } from '../parts/age.js'

/** How the room for new VMs comes about, as a sum that one can check. */
export function LedgerEquation({ ledger }: { readonly ledger: LedgerView }) {
  const note = roomNote(ledger)
  return (
    <section aria-labelledby="ledger-title">
      <h2 id="ledger-title">Room for new VMs</h2>
      <div class="equation">
        <Term
          kind="installed"
          label="what it has"
          value={ledger.memoryBytes === undefined ? absent : formatSetMemory(ledger.memoryBytes)}
          note={
            <>
              {ledger.memorySource !== undefined && `from the ${ledger.memorySource}, `}
              {ledger.memoryAt !== undefined && <Age at={ledger.memoryAt} />}
            </>
          }
        />
        <Sign text="−" word="minus" />
        <Term
          kind="reserve"
          label="reserve"
          value={formatSetMemory(ledger.reserveBytes)}
          note="for the hypervisor itself"
        />
        <Sign text="−" word="minus" />
        <Term
          kind="configured"
          label="configured"
          value={formatSetMemory(ledger.configuredBytes)}
          note="for the VMs that run here"
        />
        <Sign text="=" word="leaves" />
        <Term
          kind={note.tone === 'over' ? 'over' : 'spare'}
          label="free"
          value={ledger.spareBytes === undefined ? absent : formatSetMemory(ledger.spareBytes)}
          note={note.tone === 'over' ? 'VMs reach into the reserve' : ''}
        />
        <Sign text="→" word="so" />
        <Term kind="room" label="room" value={ledger.room ?? absent} note={note.text} />
      </div>
    </section>
  )
}

interface TermProps {
  readonly kind: string
  readonly label: string
  readonly value: ComponentChildren
  readonly note: ComponentChildren
}

function Term({ kind, label, value, note }: TermProps) {
  return (
    <div class={`term term-${kind}`}>
      <span class="term-label">{label}</span>
      <span class="term-value">{value}</span>
      <span class="term-note">{note}</span>
    </div>
  )
}

function Sign({ text, word }: { readonly text: string; readonly word: string }) {
  return (
    <div class="sign">
      <span aria-hidden="true">{text}</span>
      <span class="visually-hidden">{word}</span>
    </div>
  )
}
