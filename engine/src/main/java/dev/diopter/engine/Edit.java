package dev.diopter.engine;

/**
 * A change at one or more hook points.
 *
 * @param hook a hook name or pattern, see {@link HookNames}
 * @param where which part
 * @param operation what happens to it
 * @param allowNonFinite whether the edit may write NaN or infinity
 */
public record Edit(String hook, Selection where, Operation operation, boolean allowNonFinite) {}
