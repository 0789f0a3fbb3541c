export { type DashboardHandler, dashboardHandler, type NodeRequest, type NodeResponse } from './handler.js';
export type { DashboardOptions } from './options.js';
export { type Dashboard, type ServeOptions, serveDashboard } from './serve.js';
export type { Steerable } from './steerable.js';
