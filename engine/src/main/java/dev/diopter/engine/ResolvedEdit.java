package dev.diopter.engine;

/** An edit of one point, resolved: its value is known to fit. */
record ResolvedEdit(
    HookPoint point, ResolvedSelection where, Operation operation, boolean allowNonFinite) {}
