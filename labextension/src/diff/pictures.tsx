/** Two pictures side by side, and how many of their pixels differ. */
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import { bytes } from '../parts/format';
import type { PictureChange } from './model';

type Picture = NonNullable<PictureChange['before']>;

export function Pictures(props: { change: PictureChange }): ReactElement {
  const { before, after, differing_ratio: told } = props.change;
  const ratio = useRatio(before, after, told);
  return (
    <section aria-label="Pictures">
      <div className="jp-Mlops-pictures">
        <Side word="Before" picture={before} />
        <Side word="After" picture={after} />
      </div>
      {ratio !== null && <p className="jp-Mlops-note">{`${(100 * ratio).toFixed(2)} % of the pixels differ.`}</p>}
    </section>
  );
}

function Side(props: { word: string; picture: PictureChange['before'] }): ReactElement {
  const { word, picture } = props;
  return (
    <figure>
      <figcaption>
        {word}
        {picture ? `: ${picture.width} by ${picture.height}, ${picture.format}, ${bytes(picture.bytes)}` : ': absent'}
      </figcaption>
      {picture?.data && <img alt={word} src={addressOf(picture)} />}
      {picture && !picture.data && <p className="jp-Mlops-note">Too large to be shown here.</p>}
    </figure>
  );
}

function addressOf(picture: Picture): string {
  return `data:image/${picture.format};base64,${picture.data}`;
}

/** The server decodes PNG alone; the browser knows the other formats as well. */
function useRatio(before: PictureChange['before'], after: PictureChange['after'], told: number | null): number | null {
  const [found, setFound] = useState<number | null>(null);
  useEffect(() => {
    let wanted = true;
    setFound(null);
    const alike = before?.data && after?.data && before.width === after.width && before.height === after.height;
    if (told === null && alike) {
      void Promise.all([pixelsOf(before), pixelsOf(after)])
        .then(([one, other]) => (wanted ? setFound(share(one, other)) : undefined))
        .catch(() => undefined); // a damaged picture: its place stays empty, as the browser shows
    }
    return () => {
      wanted = false;
    };
  }, [before, after, told]);
  return told ?? found;
}

async function pixelsOf(picture: Picture): Promise<Uint32Array> {
  const image = new Image();
  image.src = addressOf(picture);
  await image.decode();
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context?.drawImage(image, 0, 0);
  const data = context?.getImageData(0, 0, picture.width, picture.height).data;
  return new Uint32Array(data?.buffer ?? new ArrayBuffer(0));
}

function share(one: Uint32Array, other: Uint32Array): number | null {
  const differ = one.reduce((count, pixel, at) => count + (pixel === other[at] ? 0 : 1), 0);
  return one.length > 0 ? differ / one.length : null;
}
