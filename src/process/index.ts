export { cpuSignal } from './cpu.js';
export { type DiskOptions, diskSignal } from './disk.js';
export { eventLoopSignal } from './event-loop.js';
export { eventLoopDelaySignal } from './event-loop-delay.js';
export { heapSignal } from './heap.js';
export { memorySignal } from './memory.js';
