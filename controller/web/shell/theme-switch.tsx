import { useState } from 'preact/hooks'

const storageKey = 'headroom-theme' // public/theme.js reads it before the first paint
const themes = ['system', 'light', 'dark'] as const
type Theme = (typeof themes)[number]
const signs = { system: '◐', light: '☀', dark: '☾' } as const satisfies Record<Theme, string>

/** Light, dark, or as the system says; kept in this browser. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(storedTheme)
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system'
  return (
    <button
      type="button"
      class="theme-switch"
      aria-label={`Theme: ${theme}. Change to ${next}`}
      title={`Theme: ${theme}`}
      onClick={() => {
        applyTheme(next)
        setTheme(next)
      }}
    >
      <span aria-hidden="true">{signs[theme]}</span>
    </button>
  )
}

function storedTheme(): Theme {
  const set = document.documentElement.dataset['theme']
  return set === 'light' || set === 'dark' ? set : 'system'
}

function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  try {
    if (theme === 'system') localStorage.removeItem(storageKey)
    else localStorage.setItem(storageKey, theme)
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
}
