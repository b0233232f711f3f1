// Entry of the worker thread in which texts are parsed.
import { parentPort } from 'node:worker_threads'
import { protocols } from '@sallyport/protocols'
import { serveRecognition } from './serve-recognition.js'

if (parentPort === null) throw new Error('this file is the entry of a worker thread')
await serveRecognition(parentPort, protocols)
