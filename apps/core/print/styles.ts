/** Looks that every site has. */
export const printStyles: readonly Record<string, unknown>[] = [
  {
    print_style_name: 'Modern',
    standard: 1,
    css: `.rows thead th { background: #f1f4f7; border-bottom: 0 }
h2 { color: #0b5cad }`,
  },
  {
    print_style_name: 'Classic',
    standard: 1,
    css: `html { font-family: 'DejaVu Serif', Georgia, 'Times New Roman', serif }
.rows th, .rows td { border: .2mm solid #8a95a1 }
h1 { text-align: center; font-weight: normal }`,
  },
  {
    print_style_name: 'Monochrome',
    standard: 1,
    css: `html, .field .label, .rows th, .second, .letter-foot, h1 small { color: #000 }
.rows th, .rows td { border-bottom: .2mm solid #000 }
.picture { filter: grayscale(1) }`,
  },
]
