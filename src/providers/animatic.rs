//! The animatic: the box's own provider, which renders clips from pictures, free of charge.
