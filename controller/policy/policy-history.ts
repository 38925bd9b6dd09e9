import type { ControllerAudit } from '../audit/controller-audit.js'
import type { StateStore, Tx } from '../store/state-store.js'
import { storedVersionSchema, type PolicyVersion, type StoredVersion } from './policy-version.js'

/** What is kept: so many versions, and so much text. The newest always is; beyond, the oldest go. */
const mostVersions = 100
const mostBytes = 4 * 1024 * 1024

/** The policies that were in force, oldest first, in the state store. */
export class PolicyHistory {
  /** @param audit gets a line for each version that is new, in the transaction that keeps it */
  constructor(
    private readonly state: StateStore,
    private readonly audit?: Pick<ControllerAudit, 'append'>,
  ) {}

  /** Keeps a version and gives it the next number; one with the text of the last is that version, and nothing is written. */
  async record(version: Omit<StoredVersion, 'number'>): Promise<PolicyVersion> {
    const { kept, entry } = await this.state.tx(async (t) => {
      const before = await stored(t)
      const last = before.at(-1)
      if (last !== undefined && last.hash === version.hash && last.file === version.file)
        return { kept: withoutText(last), entry: undefined }
      const added: StoredVersion = { ...version, number: (last?.number ?? 0) + 1 }
      await t.put('policyVersions', keyOf(added.number), added)
      for (const { number } of tooMany([...before, added])) await t.delete('policyVersions', keyOf(number))
      const { number: policyVersion, at, hash, file, author, occasion } = added
      const what = { event: 'policy-changed', policyVersion, hash, file, author, occasion }
      return { kept: withoutText(added), entry: await this.audit?.append(t, at, what) }
    })
    entry?.keep()
    return kept
  }

  async list(): Promise<PolicyVersion[]> {
    return (await this.state.tx(stored)).map(withoutText)
  }

  last(): Promise<StoredVersion | undefined> {
    return this.state.tx(async (t) => (await stored(t)).at(-1))
  }

  version(number: number): Promise<StoredVersion | undefined> {
    return this.state.tx(async (t) => storedVersionSchema.safeParse(await t.get('policyVersions', keyOf(number))).data)
  }
}

/** Rows that cannot be read are left where they are, and passed over. */
async function stored(t: Tx): Promise<StoredVersion[]> {
  const rows = await t.list('policyVersions')
  return rows.flatMap(({ value }) => storedVersionSchema.safeParse(value).data ?? [])
}

function tooMany(versions: readonly StoredVersion[]): readonly StoredVersion[] {
  let bytes = 0
  let kept = 0
  for (const { text } of versions.toReversed()) {
    bytes += Buffer.byteLength(text)
    if (kept > 0 && (kept >= mostVersions || bytes > mostBytes)) break
    kept += 1
  }
  return versions.slice(0, versions.length - kept)
}

function withoutText({ text: _text, ...version }: StoredVersion): PolicyVersion {
  return version
}

/** Keys sort as numbers do. */
function keyOf(number: number): string {
  return String(number).padStart(12, '0')
}
