import { useState } from 'preact/hooks'
import type { VmView } from '../../api/views.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import type { Sort } from '../parts/sort-rows.js'

const uuidOf = (vm: VmView): string => vm.uuid
const nameOf = (vm: VmView): string => vm.name
const isStale = (vm: VmView): boolean => vm.stale
/** Fewer VMs than this are seen at a glance and need no search field. */
const searchFrom = 12

export interface VmTableProps {
  readonly caption: string
  readonly vms: readonly VmView[]
  readonly columns: readonly Column<VmView>[]
  readonly sort: Sort
}

/** VMs with their live figures; searched by name, host, group, owner or service. */
export function VmTable({ caption, vms, columns, sort }: VmTableProps) {
  const [search, setSearch] = useState('')
  const wanted = search.trim().toLowerCase()
  const found = wanted === '' ? vms : vms.filter((vm) => matches(vm, wanted))
  if (vms.length === 0) return <p class="empty">No VMs yet.</p>
  return (
    <>
      {vms.length >= searchFrom && (
        <label class="search">
          <span class="visually-hidden">Find VMs by name, host, group, owner or service</span>
          <input
            type="search"
            placeholder="Find by name, host, group…"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
      )}
      {found.length === 0 ? (
        <p class="empty">No VM matches “{search}”.</p>
      ) : (
        <DataTable
          caption={caption}
          columns={columns}
          rows={found}
          keyOf={uuidOf}
          nameOf={nameOf}
          isStale={isStale}
          initialSort={sort}
        />
      )}
    </>
  )
}

function matches(vm: VmView, wanted: string): boolean {
  return [vm.name, vm.host, vm.group, vm.owner, vm.service, vm.title].some(
    (text) => text !== undefined && text.toLowerCase().includes(wanted),
  )
}
