package dev.diopter.engine;

import java.util.List;

/**
 * A plan resolved for one model and one set of prompts: reads and edits of single points, in the
 * order of the plan.
 */
record ResolvedPlan(List<ResolvedRead> reads, List<ResolvedEdit> edits) {}
