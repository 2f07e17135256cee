/**
 * The patterns page and its server: saved attention patterns and a live model in the browser, on
 * this machine. Start at {@link dev.diopter.web.PatternServer}; {@link
 * dev.diopter.web.PatternsPage} writes the page as static files. Servers may be used by several
 * threads.
 */
@NullMarked
package dev.diopter.web;

import org.jspecify.annotations.NullMarked;
