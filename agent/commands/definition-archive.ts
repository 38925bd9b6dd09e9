import { readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { makeDirectoryDurably, writeDurably } from '../../common/durable-file.js'

/** Of one VM, the newest; and of all together. */
const mostOfOne = 5
const mostInAll = 2000
const suffix = '.xml'
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Definitions of VMs as they were before the agent took them away: whole, with their secrets, for the owner of the data directory only. Files
 * are named by UUID and moment; a person gives one back to the hypervisor (`virsh define`).
 */
export class DefinitionArchive {
  readonly #directory: string

  constructor(
    directory: string,
    private readonly now: () => number,
  ) {
    this.#directory = directory
    makeDirectoryDurably(directory)
  }

  /** Durable when it resolves. @returns the file @throws Error of the file system, or if the UUID is none */
  async keep(vmUuid: string, definition: string): Promise<string> {
    if (!uuidForm.test(vmUuid)) throw new Error('not the UUID of a VM')
    const moment = new Date(this.now()).toISOString().replaceAll(':', '')
    const path = join(this.#directory, `${vmUuid}.${moment}${suffix}`)
    await writeDurably(path, definition)
    await this.#forget(vmUuid, path)
    return path
  }

  /** Whether one of the VM is kept. */
  async has(vmUuid: string): Promise<boolean> {
    return (await readdir(this.#directory)).some((name) => name.startsWith(`${vmUuid}.`) && name.endsWith(suffix))
  }

  /** @param newest stays, also where the clock was ahead when others were kept */
  async #forget(vmUuid: string, newest: string): Promise<void> {
    const kept = (await readdir(this.#directory)).filter((name) => name.endsWith(suffix) && name !== basename(newest))
    // Moments in this form are in their order.
    const ofOne = kept.filter((name) => name.startsWith(`${vmUuid}.`)).toSorted()
    const byMoment = kept.toSorted((a, b) => (momentOf(a) < momentOf(b) ? -1 : 1))
    const surplus = [...ofOne.slice(0, 1 - mostOfOne), ...byMoment.slice(0, 1 - mostInAll)]
    for (const name of surplus) await rm(join(this.#directory, name), { force: true })
  }
}

function momentOf(name: string): string {
  return name.slice(name.indexOf('.'))
}
