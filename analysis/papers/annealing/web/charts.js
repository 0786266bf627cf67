// Four plots of the two schedules, drawn by Bokeh: rate, loss, S1 and S2 over the steps.

const PLOTS = [
  { key: "loss", title: "Loss: predicted (lines), measured (dots)", label: "loss, nats per token" },
  { key: "lr", title: "Learning rate", label: "learning rate" },
  { key: "S1", title: "S1, the forward area", label: "sum of rates" },
  { key: "S2", title: "S2, the annealing area", label: "sum of annealing momentum" },
];
const SIDES = [
  { key: "a", colour: "blue", dash: [] },
  { key: "b", colour: "vermillion", dash: [9, 4] },
];

// Draw the empty plots into the elements plot-KEY; `drawn(side, points)` is called when knots were moved by hand.
async function makeCharts(drawn) {
  const charts = {};
  for (const { key, title, label } of PLOTS) {
    const figure = Bokeh.Plotting.figure({
      height: key === "loss" || key === "lr" ? 300 : 240,
      sizing_mode: "stretch_width",
      tools: "pan,box_zoom,wheel_zoom,reset",
      active_drag: null,
      active_scroll: null,
      title,
      x_axis_label: "step",
      y_axis_label: label,
      min_border_left: 72,
      min_border_right: 16,
    });
    figure.toolbar.logo = null;
    figure.xaxis.formatter = new Bokeh.Models.NumeralTickFormatter({ format: "0,0" });
    figure.below[0].ticker.desired_num_ticks = 5;
    figure.yaxis.formatter = new Bokeh.Models.NumeralTickFormatter({ format: "0.[0000000]" });
    figure.toolbar.autohide = true;
    const lines = {}, points = {}, glyphs = {};
    for (const side of SIDES) {
      lines[side.key] = new Bokeh.ColumnDataSource({ data: { x: [0, 1], y: [0, 1] } });
      points[side.key] = new Bokeh.ColumnDataSource({ data: { x: [], y: [] } });
      glyphs[side.key] = [
        figure.line({ field: "x" }, { field: "y" }, { source: lines[side.key], line_width: 2, line_dash: side.dash, name: side.key }),
        figure.scatter({ field: "x" }, { field: "y" }, { source: points[side.key], size: key === "lr" ? 13 : 4 }),
      ];
      if (key === "lr") {
        const tool = new Bokeh.Models.PointDrawTool({ renderers: [glyphs[side.key][1]], add: false, drag: true, num_objects: 0 });
        figure.add_tools(tool);
        figure.toolbar.active_tap = null;
        points[side.key].properties.data.change.connect(() => drawn(side.key, points[side.key].data));
      }
    }
    figure.add_tools(
      new Bokeh.Models.HoverTool({
        renderers: SIDES.map((side) => glyphs[side.key][0]),
        tooltips: [["schedule", "$name"], ["step", "@x{0,0}"], [key, "@y{0.0000000}"]],
        mode: "mouse",
      }),
    );
    const view = await Bokeh.Plotting.show(figure, `#plot-${key}`);
    charts[key] = { figure, view, lines, points, glyphs };
  }
  paint(charts);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint(charts));
  return charts;
}

// Give the plots the colours that the page has now.
function paint(charts) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  for (const { figure, glyphs } of Object.values(charts)) {
    figure.background_fill_color = null;
    figure.border_fill_color = null;
    figure.outline_line_color = null;
    figure.title.text_color = colour("ink");
    figure.title.text_font = "system-ui, sans-serif";
    figure.title.text_font_size = "12px";
    for (const axis of [figure.xaxis, figure.yaxis].flat()) {
      axis.axis_label_text_color = axis.major_label_text_color = colour("ink");
      axis.axis_line_color = axis.major_tick_line_color = colour("muted");
      axis.minor_tick_line_color = null;
      axis.axis_label_text_font_style = "normal";
      axis.axis_label_text_font = axis.major_label_text_font = "system-ui, sans-serif";
    }
    for (const grid of [figure.xgrid, figure.ygrid].flat()) grid.grid_line_color = colour("grid");
    for (const side of SIDES) {
      const [line, dots] = glyphs[side.key];
      line.glyph.line_color = colour(side.colour);
      dots.glyph.line_color = dots.glyph.fill_color = colour(side.colour);
    }
  }
}
