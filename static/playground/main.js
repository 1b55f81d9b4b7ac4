/**
 * The playground: loads the application's list of channels, calls them by hand and shows the messages from Python.
 *
 * An ordinary page of the application: it uses the client's `ipcRenderer` and no private API.
 */
// Imported for its `close` event of ports: engines do not report that the other end of a channel was closed.
import '../electron.js'
import { ipcRenderer } from '../client.js'
import { Arrivals } from './arrivals.js'
import { CallForm } from './call-form.js'
import { CallLog } from './call-log.js'
import { ChannelList, keyOf } from './channel-list.js'
import { ConnectionBar } from './connection-bar.js'
import { button, byId, element } from './elements.js'
import { Live } from './live.js'
import { OtherPages } from './other-pages.js'
import { Ports } from './ports.js'
import { Verbs } from './verbs.js'

/** @typedef {import('./channel-list.js').Channel} Channel */
/** @typedef {{ form: CallForm, log: CallLog, description: string, element: HTMLElement }} Panel */

const FIRST_CHANNEL = `from webipc import IpcMainInvokeEvent

@ipc_main.handle("add")
async def add(event: IpcMainInvokeEvent, a: float, b: float = 1.0) -> float:
    """Add two numbers."""
    return a + b`

class Playground {
  #list = new ChannelList()
  #arrivals = new Arrivals()
  #ports = new Ports((name, args) => { this.#arrivals.hear(name, args) })
  #call = byId('call', HTMLElement)
  /** @type {readonly Channel[]} */
  #channels = []
  /** Shows one part of the page on a narrow screen. @type {(view: string) => void} */
  #showView = () => {}
  /** The panel of each channel that was opened, by its key. @type {Map<string, Panel>} */
  #panels = new Map()

  start() {
    const live = new Live(byId('live', HTMLElement), (channel) => { this.#arrivals.leaveOut(channel) })
    new ConnectionBar(ipcRenderer.connection, byId('connection', HTMLElement), byId('notice', HTMLElement))
    new OtherPages((channel, args) => { this.#arrivals.hear(channel, args) })
    hearEverything((channel, args, event) => {
      live.hear(channel, args)
      this.#arrivals.hear(event.senderId ? `${channel} · from web contents ${event.senderId}` : channel, args)
      for (const port of event.ports) this.#ports.add(port, `received on ‘${channel}’`)
    })
    this.#watchConnection()
    this.#watchViews()
    addEventListener('hashchange', () => { this.#showChosen() })
    void this.#load()
  }

  #watchConnection() {
    const { connection } = ipcRenderer
    connection.on('state', ({ state, reason, code }) => {
      this.#arrivals.note({
        connecting: 'connecting',
        open: `connected as web contents ${connection.webContentsId}`,
        resuming: 'the connection is lost; resuming',
        reset: `the link has ended: ${reason}`,
        closed: `closed: ${reason}${code ? ` (${code})` : ''}`,
      }[state])
      // The server may have restarted with other channels.
      if (state === 'open') void this.#load()
    })
    connection.on('reset', ({ notSent, unknownOutcome }) => {
      if (notSent + unknownOutcome === 0) return
      this.#arrivals.note(`calls rejected: ${notSent} never sent, ${unknownOutcome} with unknown outcome`)
    })
  }

  /** A narrow screen shows one of three parts at a time. */
  #watchViews() {
    const buttons = [...document.querySelectorAll('#views button')]
    const show = (/** @type {string} */ view) => {
      document.body.dataset['view'] = view
      for (const each of buttons) each.setAttribute('aria-pressed', String(each.getAttribute('data-view') === view))
    }
    for (const each of buttons) {
      each.addEventListener('click', () => { show(each.getAttribute('data-view') ?? 'channels') })
    }
    byId('channel-list', HTMLElement).addEventListener('click', (event) => {
      if (!(event.target instanceof Element && event.target.closest('a'))) return
      show('call')
      // On a narrow screen the clicked link is hidden now and has lost the focus.
      this.#call.focus()
    })
    this.#showView = show
    show(location.hash === '' ? 'channels' : 'call')
  }

  async #load() {
    try {
      const { token } = ipcRenderer.connection
      const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` }
      // Who may connect may read the list, so it is asked for with the same token.
      const response = await fetch('channels.json', { cache: 'no-store', ...headers && { headers } })
      if (!response.ok) throw new Error(`the server answered ${response.status} for its list of channels`)
      const { title, channels } = await response.json()
      byId('title', HTMLElement).textContent = title
      document.title = `${title} · playground`
      this.#channels = channels
      this.#list.show(channels)
      this.#showChosen()
    } catch (error) {
      // With an earlier list the page stays usable; the notice says that the server is not reachable.
      if (this.#channels.length === 0) this.#showFailure(String(error))
    }
  }

  #showChosen() {
    const hash = location.hash.slice(1)
    // The skip link has the id of an element as its hash; the key of a channel contains a colon.
    const isChannel = hash.includes(':')
    if (hash !== '' && !isChannel && this.#call.childElementCount > 0) return
    const channel = this.#channels.find((each) => keyOf(each) === hash)
    if (channel) {
      this.#list.choose(channel)
      const panel = this.#panel(channel)
      if (panel.element.isConnected) return
      this.#call.replaceChildren(panel.element)
      // Not on a phone: its keyboard would cover half of the form.
      if (!matchMedia('(pointer: coarse)').matches) panel.form.focus()
    } else if (this.#channels.length === 0) {
      this.#call.replaceChildren(nothingYet())
      this.#showView('call')
    } else if (!isChannel) {
      // Shows the first channel without an entry in the browser's history.
      history.replaceState(null, '', `#${keyOf(/** @type {Channel} */ (this.#channels[0]))}`)
      this.#showChosen()
    } else {
      this.#call.replaceChildren(element('div', { class: 'empty' }, element('h2', {}, 'No such channel'),
        element('p', {}, `The application has no channel “${hash}” any more.`)))
    }
  }

  /**
   * @param {Channel} channel
   * @returns {Panel} the existing panel with its typed text, or a new one when the channel's functions have changed
   */
  #panel(channel) {
    const description = JSON.stringify(channel)
    const old = this.#panels.get(keyOf(channel))
    if (old?.description === description) return old
    const verbs = channel.role === 'on' ? new Verbs(channel.channel, this.#ports) : undefined
    const form = new CallForm(channel, (args) => { void run(channel, args, log, verbs) }, verbs?.element)
    const log = old?.log ?? new CallLog((text) => { this.#panels.get(keyOf(channel))?.form.writeList(text) })
    form.write(old?.form.texts() ?? [])
    const article = element('article', {}, ...heading(channel), form.element, log.element)
    const panel = { form, log, description, element: article }
    this.#panels.set(keyOf(channel), panel)
    return panel
  }

  /** @param {string} reason */
  #showFailure(reason) {
    this.#call.replaceChildren(element('div', { class: 'empty' },
      element('h2', {}, 'The list of channels could not be loaded'),
      element('p', {}, `${reason}. The page retries when it is connected.`),
      button('Retry now', () => { void this.#load() }, { class: 'primary' })))
  }
}

/**
 * Calls `hear` for each message, on every channel. `ipcRenderer` has no listener for all channels, as in Electron: so
 * this wraps its `emit`.
 *
 * @param {(channel: string, args: unknown[], event: import('../client.js').IpcRendererEvent) => void} hear
 */
function hearEverything(hear) {
  const emit = ipcRenderer.emit.bind(ipcRenderer)
  ipcRenderer.emit = (channel, ...args) => {
    // The emitter also emits `newListener` and `removeListener`, which have no event of the server.
    if (args[0]?.sender === ipcRenderer) hear(String(channel), args.slice(1), args[0])
    // `error` without a listener would throw here.
    return channel === 'error' && ipcRenderer.listenerCount('error') === 0 ? false : emit(channel, ...args)
  }
}

/**
 * @param {Channel} channel
 * @param {unknown[]} args
 * @param {CallLog} log
 * @param {Verbs | undefined} verbs - for a channel with listeners
 */
async function run({ channel }, args, log, verbs) {
  const entry = log.begin(args)
  try {
    if (verbs) verbs.say(args, entry, follow)
    else entry.resolved(await ipcRenderer.invoke(channel, ...args))
  } catch (error) {
    entry.rejected(error)
  }
}

/**
 * Shows whether a message without an answer was sent.
 *
 * @param {ReturnType<CallLog['begin']>} entry
 */
function follow(entry) {
  const { connection } = ipcRenderer
  if (connection.state === 'open') {
    entry.sent('sent')
    return
  }
  entry.sent('waits for the connection')
  const changed = () => {
    const { state } = connection
    // Still before the first connection, or about to resume the same link: the message waits.
    if (state === 'connecting' || state === 'resuming') return
    entry.sent(state === 'open' ? 'sent' : 'given up: the link has ended')
    connection.off('state', changed)
  }
  connection.on('state', changed)
}

/**
 * @param {Channel} channel
 * @returns {Node[]}
 */
function heading({ role, channel, functions }) {
  const kind = role === 'handle' ? 'handle' : functions.length > 1 ? `on × ${functions.length}` : 'on'
  return [
    element('h2', {}, element('span', { class: 'channel' }, channel), element('span', { class: 'badge' }, kind)),
    ...functions.flatMap((each) => [
      element('p', { class: 'signature' }, element('code', {}, signature(each))),
      ...docParagraphs(each.doc ?? ''),
    ]),
  ]
}

/**
 * @param {string} doc - a docstring
 * @returns {Node[]} its paragraphs, with `code` marked up
 */
function docParagraphs(doc) {
  return doc.split(/\n{2,}/).filter(Boolean).map((text) => {
    // Indented text is a list or an example and keeps its line breaks; other line breaks are only the editor's.
    const flowing = /^\s/m.test(text) ? text : text.replaceAll('\n', ' ')
    const parts = flowing.split(/`+([^`]+)`+/)
    return element('p', { class: 'doc' }, ...parts.map((part, index) => index % 2 ? element('code', {}, part) : part))
  })
}

/** @param {import('./channel-list.js').Described} described */
function signature({ name, parameters, returns }) {
  const list = parameters.map((each) => {
    const annotation = each.annotation && `: ${each.annotation}`
    const given = each.default === null ? '' : annotation ? ` = ${each.default}` : `=${each.default}`
    return `${each.name}${annotation}${given}`
  })
  return `${name}(${['event', ...list].join(', ')})${returns && ` -> ${returns}`}`
}

function nothingYet() {
  return element('div', { class: 'empty' }, element('h2', {}, 'No channels yet'),
    element('p', {}, 'The application is running, but has no channels. These five lines add one:'),
    element('pre', { tabindex: '0' }, element('code', {}, FIRST_CHANNEL)),
    element('p', {}, 'With ', element('code', {}, 'webipc dev'), ' it appears here as soon as the file is saved.'))
}

new Playground().start()
