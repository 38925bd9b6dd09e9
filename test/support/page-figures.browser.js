// Runs in the browser: reads every figure of the page as a person sees it. What is for screen readers only (the reasons of absent
// figures) is left out.
;(() => {
  const seen = (element) => {
    if (element === null) return ''
    const copy = element.cloneNode(true)
    for (const hidden of copy.querySelectorAll('.visually-hidden, .tag, svg')) hidden.remove()
    return copy.textContent.trim()
  }
  const found = []
  for (const figure of document.querySelectorAll('div.figure')) {
    const label = seen(figure.querySelector('dt'))
    // A note tells sizes and reasons, but for those that tell a second figure.
    const note = /^(Latency|Network|Touched lately)$/.test(label)
      ? ` ${seen(figure.querySelector('.figure-note'))}`
      : ''
    found.push({ place: 'figures', row: '', label, text: seen(figure.querySelector('.figure-value')) + note })
  }
  for (const chart of document.querySelectorAll('figure.chart')) {
    const place = `chart ${seen(chart.querySelector('figcaption'))}`
    for (const row of chart.querySelectorAll('tbody tr')) {
      const text = [...row.querySelectorAll('td')].map((cell) => seen(cell)).join(' ')
      found.push({ place, row: '', label: seen(row.querySelector('th')), text })
    }
  }
  for (const table of document.querySelectorAll('table[role=table]')) {
    const place = table.querySelector('caption').textContent
    for (const row of table.querySelectorAll('tbody tr')) {
      const head = row.querySelector('th')
      const link = head.querySelector('a')
      const name = link === null ? seen(head.querySelector('strong')) : link.getAttribute('href')
      for (const cell of row.querySelectorAll('td')) {
        found.push({ place, row: name, label: cell.dataset.label, text: seen(cell) })
      }
    }
  }
  for (const row of document.querySelectorAll('li.host-row')) {
    for (const meter of row.querySelectorAll('.host-load .meter')) {
      const label = `${seen(meter.querySelector('.meter-label'))} of a host`
      const text = seen(meter.querySelector('.meter-text'))
      found.push({ place: 'figures', row: row.querySelector('h3 a').getAttribute('href'), label, text })
    }
  }
  return found
})()
