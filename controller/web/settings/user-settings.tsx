import { useState } from 'preact/hooks'
import { roles, type Role } from '../../../common/verbs.js'
import type { UserView } from '../../api/views.js'
import { useAsked } from '../commands/use-asked.js'
import { ConfirmButton } from './confirm-button.js'
import { ReadProblem, useSent, type Sent } from './use-sent.js'

/** People who log in by name and password. */
export function UserSettings() {
  const { value, problem, again } = useAsked<{ readonly users: readonly UserView[] }>('/users', 10_000)
  const sent = useSent()
  return (
    <section aria-labelledby="users-title">
      <h2 id="users-title">Users</h2>
      <ReadProblem problem={problem} />
      {sent.note}
      {value?.users.length === 0 && <p class="empty">There are none: whoever comes needs a token or a link.</p>}
      <ul class="rows">
        {value?.users.map((user) => (
          <UserRow key={user.name} user={user} sent={sent} onDone={again} />
        ))}
      </ul>
      <NewUser sent={sent} onDone={again} />
    </section>
  )
}

function UserRow({
  user: { name, role },
  sent,
  onDone,
}: {
  readonly user: UserView
  readonly sent: Sent
  readonly onDone: () => void
}) {
  const path = `/users/${encodeURIComponent(name)}`
  const [password, setPassword] = useState('')
  return (
    <li>
      <strong>{name}</strong>
      <form
        class="ask-buttons"
        onSubmit={(event) => {
          event.preventDefault()
          void sent.send(`${path}/password`, { password }).then((done) => done !== undefined && setPassword(''))
        }}
      >
        <RoleChoice
          label={`Role of ${name}`}
          value={role}
          onRole={(next) => void sent.send(`${path}/role`, { role: next }).then(onDone)}
        />
        <input
          type="password"
          autocomplete="new-password"
          aria-label={`New password of ${name}`}
          placeholder="new password"
          minLength={10}
          required
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
        <button type="submit" class="action" aria-label={`Set the password of ${name}`}>
          Set
        </button>
        <ConfirmButton
          label="Remove"
          about={name}
          onConfirm={() => void sent.send(`${path}/remove`, {}).then(onDone)}
        />
      </form>
    </li>
  )
}

function NewUser({ sent, onDone }: { readonly sent: Sent; readonly onDone: () => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('owner')
  const [password, setPassword] = useState('')
  async function add(): Promise<void> {
    const added = await sent.send<UserView>('/users', { name, role, password })
    if (added === undefined) return
    setName('')
    setPassword('')
    onDone()
  }
  return (
    <form
      class="ask-buttons"
      aria-label="Add a user"
      onSubmit={(event) => {
        event.preventDefault()
        void add()
      }}
    >
      <label>
        Name{' '}
        <input
          type="text"
          required
          maxLength={100}
          autocomplete="off"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <RoleChoice label="Role" value={role} onRole={setRole} />
      <label>
        Password, ten characters or more{' '}
        <input
          type="password"
          required
          minLength={10}
          autocomplete="new-password"
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="action" disabled={sent.sending}>
        Add the user
      </button>
    </form>
  )
}

export function RoleChoice({
  label,
  value,
  onRole,
}: {
  readonly label: string
  readonly value: Role
  readonly onRole: (role: Role) => void
}) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => {
        const chosen = roles.find((role) => role === event.currentTarget.value)
        if (chosen !== undefined) onRole(chosen)
      }}
    >
      {roles.map((role) => (
        <option key={role} value={role}>
          {role}
        </option>
      ))}
    </select>
  )
}
