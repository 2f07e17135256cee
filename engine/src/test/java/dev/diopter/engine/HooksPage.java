package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Makes docs/hooks.md from the lists of sites and operations, so that the page says what the engine
 * does.
 */
final class HooksPage {
  private static final DecoderConfig GPT2 = PlanConfigs.GPT2;
  private static final DecoderConfig LLAMA = PlanConfigs.LLAMA;

  /** The plan file that the page shows. */
  static final String EXAMPLE =
      """
      {"reads": [{"hook": "blocks.*.hook_resid_post", "positions": [-1], "when": "after"}],
       "edits": [{"hook": "blocks.1.attn.hook_z", "heads": [3], "op": "zero"},
                 {"hook": "blocks.0.attn.hook_q", "positions": [4], "heads": [0], "op": "replace",
                  "value": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]},
                 {"hook": "pattern0", "heads": [0], "positions": [5], "keys": [0, 1], "op": "knockout"},
                 {"hook": "mlp_out:*", "steps": "all", "op": "scale", "value": 0.5}]}
      """;

  private HooksPage() {}

  static String markdown() {
    return String.join(
        "\n",
        """
        # Hooks

        <!-- Made by HooksPage from the engine's lists of sites and operations; do not edit. This writes it:
        mvn -pl kernels,models,engine test -Dtest=HooksPageTest -Dsurefire.failIfNoSpecifiedTests=false -Ddiopter.writeDocs=true -->

        A pass computes values at named places, the *hook points*. A *hook plan* says which of them to read and which to change. Names,
        shapes and meanings are TransformerLens's; [where Diopter differs](#differences-from-transformerlens) is listed below.
        A plan is checked before anything is computed: a name that no point has, a selection out of range, a value that does not fit or
        an edit that could not act is an error, never a silent no-op. `diopter hooks MODEL` prints the points of one model with sizes.

        ## Hook points

        In the order of the pass. `{l}` is the layer. Optional points are left out by `*`; all cost nothing unless asked for, and asking
        changes no other value.

        | name | short name | shape for one prompt | in | meaning |
        |---|---|---|---|---|\
        """,
        sites(),
        """

        Axes: `pos` positions computed in the pass, `query` and `key` likewise for scores and patterns (a key exists for a query where
        key <= query), `head` query heads, `kv_head` key/value heads, `head_dim` width of a head, `model` width of the residual stream,
        `mlp` width of the MLP, `vocab` token ids. Files (npz) have a batch axis of 1 in front.

        ## Names

        | written | means |
        |---|---|
        | `blocks.3.attn.hook_pattern` | that point |
        | `blocks.-1.attn.hook_pattern` | layers count from the end, too |
        | `blocks.*.attn.hook_pattern` | that point of every layer; `*` stands for nothing else |
        | `pattern3`, `pattern:3`, `pattern:-1`, `pattern:*`, `resid_pre:3`, `resid_pre3` | short name and layer |
        | `scale3ln1`, `normalized:3:ln2`, `k3attn` | short name, layer and type: needed by `scale` and `normalized`, elsewhere checked |
        | `embed`, `pos_embed`, `scale`, `normalized` | points outside the blocks; the last two of the final norm |
        | `attn`, `attn_logits`, `query`, `key`, `value`, `mlp_pre`, `mlp_post` with a layer | TransformerLens's other names of `pattern`, `attn_scores`, `q`, `k`, `v`, `pre`, `post` |
        | `*` | every point of the model but the optional ones |
        | `optional:*` | the optional ones |
        | `embed,pattern:*` | a list |

        ## Selections

        A read or edit means the whole value in the pass over the prompt unless it selects:

        | selector | numbers |
        |---|---|
        | `sequences` | prompts of a batch |
        | `positions` | absolute positions; of scores and patterns the queries |
        | `heads` | heads; of keys, values and their inputs the key/value heads |
        | `keys` | key positions of scores and patterns |
        | `steps` | steps of a generation: 0 is the pass over the prompt, t the pass over the t-th new token; `"all"` for every one |

        Negative numbers count from the end: positions and keys from the end of each prompt. Order matters: a read of positions 5, 2 has
        them in that order. Errors: a number out of range or given twice, an empty list, a selector of an axis that the point does not
        have, positions in a cached prefix, steps that never come, keys that all lie behind every selected query. Of one point only one
        selection can be read at a time, since results have one value under each name.

        ## Operations

        | op | keys in plan files | value | x becomes |
        |---|---|---|---|\
        """,
        operations(),
        """

        - Several edits of one point act in the order of the plan. A read says whether it wants the value `before` or `after` (default)
          all edits of its point.
        - **Arrays** have exactly the selection's shape: the axes of the point with the selected sizes, in the order of the selection. Axes
          of size 1 may be left out and a batch axis of 1 may be in front. In a batch the array must fit every selected prompt. A selection
          that goes on over new tokens takes one vector, for scores and patterns with the keys named.
        - **Formulas** are computed in float32, `interpolate` as `(1 - t) * x + t * v` with each step rounded; `project_out` and
          `noise` in float64, rounded once. What changes nothing changes no bit: adding zero, scaling by 1, interpolating by 0 or towards
          x itself, noise of deviation 0. `interpolate` by 1 gives v.
        - **Masked cells** of scores and patterns, where key > query, do not exist: operations leave them alone, values there are ignored,
          and a function that writes there is an error. `scale` leaves scores of minus infinity as they are. A row of scores that is minus
          infinity throughout gives a row of zeros. Edited patterns are used as they are, without rescaling.
        - **NaN and infinity**: an edit may write them only where it says so (`allow_non_finite`, in Java `allowNonFinite()`); a knockout's
          minus infinity is always allowed.
        - `mean` and `project_out` do not act on scores and patterns, whose keys differ from query to query; `knockout` acts on nothing else.
        - **Noise** depends on its key alone, so it is the same in any batch, in chunks, on any machine.
        - **Functions** see the selection of one sequence whole, never a part of it, with its positions and heads.
        - **Generation**: an edit of `hook_k`, `hook_v` or `hook_rot_k` stays in the key/value cache for later steps; every other edit acts
          at its steps alone.
        - **Split inputs**: `hook_attn_in` comes first, then `hook_q_input`, `hook_k_input`, `hook_v_input`. An edited input is normed for
          its own head without firing `ln1`; editing `ln1` and a split input of one layer in one sequence is refused.

        ## Plan files

        ```json
        """
            + EXAMPLE
            + """
            ```

            Reads have `hook`, the selectors and `when`; edits have `hook`, the selectors, `op`, the keys of their operation and
            `allow_non_finite`. Unknown keys are errors. Arrays are nested lists of numbers, or `{"npz": "file.npz", "name": "..."}`: an array
            of a file in the folder of the plan file or below it. NaN and the infinities are the strings `"NaN"`, `"Infinity"`,
            `"-Infinity"`. Functions cannot be written to files.

            ## In Java

            ```java
            HookPlan plan = HookPlan.builder()
                .read("blocks.*.attn.hook_pattern")
                .zero("blocks.1.attn.hook_z", Selection.ALL.heads(3))
                .build();
            RunResult result = model.run(prompt, plan);
            float weight = result.activation("blocks.0.attn.hook_pattern").get(0, -1, 0); // head 0, last query, first key
            ```

            Plans are values: immutable, comparable, printable; `PlanFile` reads and writes them, `and` joins them.

            ## Differences from TransformerLens

            - `ln1` fires once for each block, not three times.
            - Weights are used as they are; TransformerLens's defaults are `--process all` ([processing.md](processing.md)).
            - `hook_normalized` is before gain and bias, as in TransformerLens 3 (in 2 it was behind them for models that were not folded).
            - With a key/value cache `hook_k`, `hook_v` and `hook_rot_k` hold the new positions only.
            - `hook_attn_in` works with grouped-query attention, where TransformerLens refuses it.
            - No flags: optional points need none, and asking for them changes no other value.
            - No `hook_tokens` (results hold the ids) and no `mlp.hook_mid` (no supported model has it).
            - Short names with an underscore (`resid_pre5`) mean what they say; contradictions (`k5mlp`), missing layers (`pattern`) and
              missing types (`scale2`) are errors, where TransformerLens makes names that do not exist.
            - Reads are copies, edits are checked for shape, and a hook that could not fire is an error.
            """);
  }

  private static String sites() {
    return List.of(Site.values()).stream()
        .map(site ->
            "| `%s`%s | %s | `%s` | %s | %s |"
                .formatted(
                    site.template(),
                    site.optional() ? " (optional)" : "",
                    shortName(site),
                    HookRegistry.shape(site),
                    models(site),
                    site.meaning()))
        .collect(Collectors.joining("\n"));
  }

  /** The short name, which must be one that the parser takes. */
  private static String shortName(Site site) {
    if (site == Site.UNEMBED_IN || site == Site.UNEMBED_OUT) {
      return "";
    }
    String group = HookNames.group(site);
    String name = HookNames.shortName(site);
    if (!site.inBlock()) {
      return "`" + name + "`";
    }
    return "`%s:{l}%s`".formatted(name, group.startsWith("ln") ? ":" + group : "");
  }

  private static String models(Site site) {
    return site.existsIn(GPT2) ? (site.existsIn(LLAMA) ? "all" : "GPT-2") : "Llama";
  }

  private static String operations() {
    return List.of(OperationKind.values()).stream()
        .map(kind ->
            "| `%s` | %s | %s | %s |"
                .formatted(
                    kind.label(),
                    kind.keys().stream().map(k -> "`" + k + "`").collect(Collectors.joining(", ")),
                    kind.value(),
                    kind.meaning()))
        .collect(Collectors.joining("\n"));
  }
}
