// The component of the 3D view: everything but the choice of objects stays in the browser, and only
// that is reported back, so that the table can follow.

import { mounting } from "../shared/mount.js";
import { SurfaceView } from "./view.js";

export default mounting(".view3d", SurfaceView);
