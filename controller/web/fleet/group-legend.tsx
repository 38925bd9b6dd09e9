import { createContext } from 'preact'
import { useContext } from 'preact/hooks'

/** Colour numbers of the fleet's groups (group-colours.ts). */
export const GroupColours = createContext<ReadonlyMap<string, number>>(new Map())

/** What the colours and patterns of memory bars mean. */
export function GroupLegend() {
  const colours = useContext(GroupColours)
  return (
    <ul class="legend" aria-label="Colours of the bars">
      {[...colours].map(([group, colour]) => (
        <li key={group}>
          <span class={`legend-key group-${colour}`} aria-hidden="true" />
          {group === '' ? (colours.size > 1 ? 'no group' : 'VM') : group}
        </li>
      ))}
      <li>
        <span class="legend-key legend-slot" aria-hidden="true" />
        room for a new VM
      </li>
      <li>
        <span class="legend-key legend-reserve" aria-hidden="true" />
        reserve
      </li>
    </ul>
  )
}
