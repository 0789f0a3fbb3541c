export { type DiagnosticsMessage, type EventSource, publishDiagnostics } from './publish-diagnostics.js';
