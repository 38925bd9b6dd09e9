import { defineConfig } from 'vite'

/**
 * Builds the page into `dist/web`, which the controller serves as static files.
 * All scripts and styles are own files, so that the page works under `script-src 'self'; style-src 'self'`.
 */
export default defineConfig({
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    // light-dark() and nested rules as they stand: every browser of 2024 and later has them.
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    // No data: URLs, no inline helper: the content security policy stays strict.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8420' } },
})
