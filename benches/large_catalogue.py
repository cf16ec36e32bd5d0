"""Writes a large catalogue for the benches: SUBJECTS products with a picture each, SHOTS shots.

    python3 benches/large_catalogue.py FOLDER SUBJECTS SHOTS [SETTINGS]

SETTINGS is a line of YAML put into `defaults`. The pictures are hard links to a few copies of
one picture of the storefront example: what is measured is planning, not the disk.
"""

import os
import shutil
import sys

folder, subjects, shots = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
settings = sys.argv[4] if len(sys.argv) > 4 else "model: animatic"
picture = os.path.join(os.path.dirname(__file__), "../examples/minimal/mug.jpg")
LINKS_A_FILE = 1000  # file systems limit the hard links of one file

for i in range(subjects):
    group = f"{folder}/images/{i // LINKS_A_FILE}"
    if i % LINKS_A_FILE == 0:
        os.makedirs(group)
        shutil.copyfile(picture, f"{group}/source.jpg")
    os.link(f"{group}/source.jpg", f"{group}/p{i}.jpg")

with open(f"{folder}/products.csv", "w") as feed:
    feed.write("sku,folder,title,colour,price,tags\n")
    for i in range(subjects):
        feed.write(
            f'p{i},{i // LINKS_A_FILE},"Product {i}, the {i % 7}th",'
            f'colour-{i % 31},{i % 300}.50,"new,spring"\n'
        )

with open(f"{folder}/kinora.yaml", "w") as manifest:
    manifest.write(f"""kinora: 1
name: large
defaults: {{{settings}}}
subjects:
  products:
    kind: product
    from: products.csv
    id: "{{{{ sku }}}}"
    references:
      - {{name: hero, image: "images/{{{{ folder }}}}/{{{{ sku }}}}.jpg"}}
shots:
""")
    for s in range(shots):
        manifest.write(f"""  - id: shot-{s}
    for: products
    where: price >= 0
    prompt: "{{{{ title }}}} in {{{{ colour }}}}, @hero turns slowly on marble {s}, the camera pushes in"
""")
