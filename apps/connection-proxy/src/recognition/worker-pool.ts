import { Worker } from 'node:worker_threads'
import type { Recognition } from '@sallyport/protocol-kit'
import type { RecogniseRequest, WorkerMessage } from './worker-messages.js'

/** How a job ended without an answer. */
export type JobFailure = 'timed-out' | 'broke' | 'queue-full' | 'waited-too-long' | 'closed'
export type JobResult = { readonly kind: 'recognised'; readonly recognition: Recognition } | { readonly kind: JobFailure }

interface Job {
  readonly request: RecogniseRequest
  readonly timeoutMs: number
  readonly resolve: (result: JobResult) => void
  timer: NodeJS.Timeout | undefined
}

interface Member {
  readonly worker: Worker
  ready: boolean
  job: Job | undefined
}

export interface WorkerPoolOptions {
  readonly entry: URL
  /** Texts parsed at the same time. One more worker stands by, so that replacing one costs no waiting. */
  readonly size: number
  readonly queueMax: number
  readonly queueTimeoutMs: number
  readonly heapMegabytesMax: number
}

/** Pause before another attempt when a worker died before it was ready. */
const restartMs = 500
/** A text may take so many times its time by the clock, as long as its thread is not the one that computes. */
const WALL_FACTOR = 5

/** Threads that may be killed at any time; a job is answered exactly once whatever happens to its thread. */
export class WorkerPool {
  private readonly members = new Set<Member>()
  private readonly queue: Job[] = []
  private readonly restarts = new Set<NodeJS.Timeout>()
  private nextId = 0
  private closed = false
  /** Workers given up because of what they were given. */
  replaced = 0

  constructor(private readonly options: WorkerPoolOptions) {
    for (let index = 0; index <= options.size; index += 1) this.spawn()
  }

  run(request: Omit<RecogniseRequest, 'id'>, timeoutMs: number): Promise<JobResult> {
    if (this.closed) return Promise.resolve({ kind: 'closed' })
    if (this.queue.length >= this.options.queueMax) return Promise.resolve({ kind: 'queue-full' })
    return new Promise((resolve) => {
      this.nextId += 1
      const job: Job = { request: { id: this.nextId, ...request }, timeoutMs, resolve, timer: undefined }
      job.timer = setTimeout(() => this.giveUpWaiting(job), this.options.queueTimeoutMs)
      this.queue.push(job)
      this.dispatch()
    })
  }

  async close(): Promise<void> {
    this.closed = true
    for (const timer of this.restarts) clearTimeout(timer)
    for (const job of this.queue.splice(0)) this.answer(job, { kind: 'closed' })
    const members = [...this.members]
    this.members.clear()
    for (const { job } of members) if (job !== undefined) this.answer(job, { kind: 'closed' })
    await Promise.all(members.map(({ worker }) => worker.terminate()))
  }

  private spawn(): void {
    const worker = new Worker(this.options.entry, {
      resourceLimits: { maxOldGenerationSizeMb: this.options.heapMegabytesMax }, execArgv: [], env: {}, name: 'recogniser',
    })
    worker.unref()
    const member: Member = { worker, ready: false, job: undefined }
    this.members.add(member)
    worker.on('message', (message: WorkerMessage) => this.receive(member, message))
    // 'exit' follows 'error'; both are handled because a listener of 'error' must exist.
    worker.on('error', () => this.lose(member, 'broke'))
    worker.on('messageerror', () => this.lose(member, 'broke'))
    worker.on('exit', () => this.lose(member, 'broke'))
  }

  private receive(member: Member, message: WorkerMessage): void {
    switch (message.kind) {
      case 'ready':
        member.ready = true
        return this.dispatch()
      case 'recognised': {
        const { job } = member
        // A late answer of a job that was given up.
        if (job?.request.id !== message.id) return
        member.job = undefined
        this.answer(job, { kind: 'recognised', recognition: message.recognition })
        if (message.spent) this.lose(member, 'broke')
        return this.dispatch()
      }
      case 'broke':
        return this.lose(member, 'broke')
      default:
        message satisfies never
    }
  }

  private dispatch(): void {
    let busy = 0
    for (const { job } of this.members) if (job !== undefined) busy += 1
    for (const member of this.members) {
      if (this.queue.length === 0 || busy >= this.options.size) return
      if (!member.ready || member.job !== undefined) continue
      const job = this.queue.shift()
      if (job === undefined) return
      busy += 1
      member.job = job
      clearTimeout(job.timer)
      job.timer = setTimeout(() => void this.overdue(member, job, performance.now() + (WALL_FACTOR - 1) * job.timeoutMs), job.timeoutMs)
      member.worker.postMessage(job.request)
    }
  }

  /**
   * The time is up by the clock. On a busy machine that says little of the text: the thread goes when it really computes for half of the
   * time again, or when the clock says so several times over.
   */
  private async overdue(member: Member, job: Job, deadline: number): Promise<void> {
    let latest = 0
    // Not awaited: a thread that doesn't even answer this is no reason to wait longer.
    const ask = (): void => void member.worker.cpuUsage().then(({ user, system }) => { latest = (user + system) / 1000 }, () => undefined)
    let before = 0
    ask()
    for (;;) {
      // An answer that came in while this thread was busy is taken first.
      await new Promise((resolve) => { job.timer = setTimeout(resolve, job.timeoutMs / 10) })
      if (member.job !== job) return
      if (performance.now() > deadline) break
      if (before === 0) before = latest
      if (before > 0 && latest - before >= job.timeoutMs / 2) break
      ask()
    }
    if (member.job === job) this.lose(member, 'timed-out')
  }

  private answer(job: Job, result: JobResult): void {
    clearTimeout(job.timer)
    job.resolve(result)
  }

  private giveUpWaiting(job: Job): void {
    const index = this.queue.indexOf(job)
    if (index < 0) return
    this.queue.splice(index, 1)
    this.answer(job, { kind: 'waited-too-long' })
  }

  /** Takes a worker out for good, answers what it worked on, and puts another in its place. */
  private lose(member: Member, kind: 'broke' | 'timed-out'): void {
    if (!this.members.delete(member)) return
    void member.worker.terminate()
    if (member.job !== undefined) this.answer(member.job, { kind })
    if (this.closed) return
    if (member.ready) {
      this.replaced += 1
      this.spawn()
    } else {
      const timer = setTimeout(() => {
        this.restarts.delete(timer)
        if (!this.closed) this.spawn()
      }, restartMs)
      timer.unref()
      this.restarts.add(timer)
    }
    this.dispatch()
  }
}
