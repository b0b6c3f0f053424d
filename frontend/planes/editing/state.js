// What the hand holds: tool, size, object, and what is shown. Knows nothing of the page.

/**
 * @typedef {"select" | "brush" | "eraser" | "lasso" | "polygon" | "fill" | "fill-3d" | "merge" | "split" | "ruler" | "body"} Tool
 * @typedef {"none" | "above" | "below" | "grey" | "snap"} Limit
 * @typedef {{tool: Tool, before: Tool, radius: number, ball: boolean, object: number | null, limit: Limit,
 *   overwrite: "all" | "empty" | "only", labels: boolean, style: "fill" | "outline", opacity: number,
 *   hidden: Set<number>, isolated: number | null,
 *   bodyClass: string}} Holding
 */

export const LARGEST_RADIUS = 200;

/** @type {Holding} */
export const AT_FIRST = {
  tool: "select", before: "brush", radius: 6, ball: false, object: null, limit: "none", overwrite: "all",
  labels: true, style: "fill", opacity: 55, hidden: new Set(), isolated: null,
  bodyClass: "organelle",
};

/** Tools that draw with a round tip, and those whose reach is the radius. */
export const ROUND = new Set(["brush", "eraser"]);
export const SIZED = new Set([...ROUND, "fill-3d"]);

/** A radius within what is allowed: whole, and in larger steps where it is large.
 *  @param {number} radius
 *  @param {number} steps */
export function resized(radius, steps) {
  const step = radius < 10 ? 1 : radius < 40 ? 2 : 5;
  return Math.min(LARGEST_RADIUS, Math.max(0, Math.round(radius + steps * step)));
}

/** The state after something was done.
 *  @param {Holding} state
 *  @param {{do: string, [more: string]: any}} action
 *  @returns {Holding} */
export function after(state, action) {
  switch (action.do) {
    case "tool":
      return action.tool === state.tool ? state : { ...state, tool: action.tool, before: state.tool };
    case "toggle-tool":
      return { ...state, tool: state.before, before: state.tool };
    case "resize":
      return { ...state, radius: resized(state.radius, action.steps) };
    case "choose":
      return { ...state, object: action.object };
    case "hide": {
      const hidden = new Set(state.hidden);
      if (!hidden.delete(action.object)) hidden.add(action.object);
      return { ...state, hidden };
    }
    case "isolate":
      return { ...state, isolated: state.isolated === action.object ? null : action.object };
    case "set":
      return { ...state, ...action.values };
    default:
      return state;
  }
}
