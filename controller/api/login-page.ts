import type { FastifyReply } from 'fastify'

interface LoginPageOptions {
  /** Key of the link that was opened: the page then sends it by itself. */
  readonly key?: string
  /** There are users, who have names and passwords. */
  readonly hasUsers?: boolean
  /** What went wrong before. */
  readonly message?: string
  /** The page was reached from elsewhere, so the browser may have kept back the cookie of a session: see the script. */
  readonly fromElsewhere?: boolean
}

/**
 * The page of who is not logged in. A login link only shows it; the key goes with a POST that its script (or a click) makes, so that a program
 * that previews links does not use the key up.
 */
export function loginPage({ key, message, hasUsers = false, fromElsewhere = false }: LoginPageOptions): string {
  const note = message === undefined ? '' : `<p class="note" role="alert">${escapeHtml(message)}</p>`
  const byName = `<form method="post" action="/login">
<label>Name <input name="name" required maxlength="100" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus></label>
<label>Password <input type="password" name="password" required maxlength="1000" autocomplete="current-password"></label>
<button type="submit">Log in</button>
</form>
`
  const form =
    key === undefined
      ? `${hasUsers ? byName : ''}<p>${hasUsers ? 'Or run' : 'Run'} <code>headroom login</code> on the controller's machine and open the link that it prints, or paste a token:</p>
<form method="post" action="/login" autocomplete="off">
<label>Token <input type="password" name="token" required maxlength="500"${hasUsers ? '' : ' autofocus'}></label>
<button type="submit">Log in</button>
</form>`
      : `<form method="post" action="/login" id="auto">
<input type="hidden" name="key" value="${escapeHtml(key)}">
<button type="submit">Open headroom</button>
</form>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>headroom: log in</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/login.css">
<script src="/login.js" defer></script>
</head>
<body>
<main${fromElsewhere ? ' id="from-elsewhere"' : ''}>
<h1>headroom</h1>
${note}
${form}
</main>
</body>
</html>
`
}

/**
 * Sends the form of a link at once. Where somebody followed a link from another site, it looks whether there is a session after all: a browser
 * does not show a SameSite=Strict cookie then, but does when our own page goes there.
 */
export const loginScript = `'use strict'
const form = document.getElementById('auto')
if (form) form.submit()
else if (document.getElementById('from-elsewhere'))
  fetch('/api/v1/session', { headers: { accept: 'application/json' } }).then((answer) => {
    if (answer.ok) location.replace(location.href)
  })
`

export const loginStyle = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0; min-height: 100vh; display: grid; place-items: center }
main { width: min(26rem, 100vw - 3rem) }
h1 { font-size: 1.4rem; margin: 0 0 1rem }
form { display: grid; gap: .75rem; margin-top: 1rem }
label { display: grid; gap: .25rem }
input, button { font: inherit; padding: .5rem .7rem; border: 1px solid #8888; border-radius: .4rem }
button { background: #2563eb; color: #fff; border-color: #2563eb; cursor: pointer }
.note { border-left: 3px solid #d97706; padding-left: .7rem }
`

/**
 * Under `no-referrer` a browser would say `Origin: null` when it sends the form, and over plain http there is no Sec-Fetch-Site either: the
 * form could not be told from a foreign one. `same-origin` shows the address of this page to this controller alone.
 */
export function sendLoginPage(reply: FastifyReply, status: number, page: string): FastifyReply {
  return reply
    .code(status)
    .header('referrer-policy', 'same-origin')
    .type('text/html; charset=utf-8')
    .serializer((payload: unknown) => String(payload))
    .send(page)
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
