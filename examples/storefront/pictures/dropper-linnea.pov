// dropper-linnea - face oil in a green glass dropper bottle.
// View 1 front, 2 close-up of the label, 3 the pipette beside the bottle.
#version 3.7;
#include "shapes.inc"
#ifndef (AsModel) #include "lights.inc" #end
#ifndef (PipetteOut) #if (View = 3) #declare PipetteOut = 1; #else #declare PipetteOut = 0; #end #end
#include "materials.inc"

#declare BottleP = array[9] { <0,0.22,0>, <1.6,0.22,0.2>, <1.8,0,0.12>, <2.4,0,0.35>, <2.4,5.9,1.5>, <1.0,6.5,0.45>, <1.0,7.3,0.06>, <0.78,7.3,0.06>, <0.78,5,0> };
#declare CollarP = array[6] { <0,6.75,0>, <1.3,6.75,0.06>, <1.3,8.0,0.1>, <1.16,8.05,0.06>, <0.8,8.1,0.05>, <0,8.1,0> };
#declare BulbP = array[7] { <0,8.0,0>, <0.98,8.0,0.05>, <0.98,8.3,0.2>, <0.78,8.7,0.3>, <0.82,10.2,0.4>, <0.62,11.3,0.5>, <0,11.35,0> };
#declare PipeP = array[6] { <0,0.95,0>, <0.14,0.95,0.04>, <0.18,1.5,0.2>, <0.34,2.2,0.4>, <0.34,7.4,0>, <0,7.4,0> };

#declare M_Bulb = material { texture { pigment { rgb 0.03 }
  finish { diffuse 0.8 specular 0.2 roughness 0.06 reflection { 0, 0.5 fresnel on } conserve_energy } } interior { I_Solid } }
// thick coloured glass: saturated in the middle, lighter where it thins out
#declare M_Bottle = material { texture {
  pigment { aoi color_map { [0 rgb <0.06, 0.20, 0.13>] [0.25 rgb <0.02, 0.085, 0.055>] [0.5 rgb <0.01, 0.045, 0.03>] [0.75 rgb <0.02, 0.085, 0.055>] [1 rgb <0.06, 0.20, 0.13>] } }
  finish { F_Gloss } } interior { I_Solid } }

#declare DropperTop = union {
  object { Turned(CollarP, 120) material { M_Brass } }
  // fine ribs round the collar
  #for (I, 0, 71) cylinder { <1.3, 6.9, 0>, <1.3, 7.85, 0>, 0.035 material { M_Brass } rotate y*I*5 } #end
  object { Turned(BulbP, 96) material { M_Bulb } }
}
#declare Dropper = union {
  object { Turned(BottleP, 144) material { M_Bottle } }
  Sleeve("build/dropper.png", 2.425, 0.5, 5.1, F_Paper)
  #if (!PipetteOut) object { DropperTop } #end
}
#declare Pipette = union {
  object { DropperTop }
  object { Turned(PipeP, 48) texture { pigment { rgbt <0.80, 0.90, 0.88, 0.65> } finish { diffuse 0.6 reflection { 0, 1 fresnel on } conserve_energy } } interior { ior 1.5 } }
  // oil drawn up into the glass
  cylinder { <0, 1.6, 0>, <0, 5.2, 0>, 0.2 texture { pigment { rgb <0.72, 0.42, 0.06> } finish { F_Gloss } } interior { I_Solid } }
}

#ifndef (AsModel)
  Studio(1)
  #switch (View)
    #case (1) object { Dropper } Shot(<0, 11, -54>, <0, 5.55, 0>, 14.2) #break
    #case (2) object { Dropper rotate y*16 } Shot(<-9, 9, -34>, <0.1, 4.1, 0>, 12.6) #break
    #case (3) object { Dropper translate <-3.2, 0, 1> }
      object { Pipette translate y*-6.5 rotate z*-84 rotate y*-14 translate <0.7, 1.22, -3.9> }
      Shot(<0, 22, -48>, <-0.2, 2.7, -0.5>, 16.5) #break
  #end
#end
